"""The web page that explores the layouts of a board or of a GPU, and applies one."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from api.dependencies import AppDatabase, AppLinks, AppPages
from api.layout_page import BOARD_NAMES, LayoutPage, LayoutPageQuery
from api.needs import READ
from migperf.errors import NotFoundError
from migperf.store import gpus

router = APIRouter(prefix="/layouts", include_in_schema=False, default_response_class=HTMLResponse, dependencies=[READ])


@router.get("")
def show_layouts(
    query: Annotated[LayoutPageQuery, Query()], database: AppDatabase, links: AppLinks, pages: AppPages
) -> HTMLResponse:
    """Show a layout of a board or GPU, and what can be added to it; ``try`` asks why a place cannot be taken."""
    try:
        with database.read() as session:
            shown = LayoutPage.of(session, links, query)
            own = [(row.uuid, row.node, gpus.describe(row)) for row in gpus.list_gpus(session)]
    except NotFoundError as error:
        return pages.render("missing.html", links, status=404, detail=str(error))
    return pages.render(
        "layouts.html",
        links,
        shown=shown,
        boards=BOARD_NAMES,
        own=[one for one in own if one[2].geometry],
        uuid=query.gpu,
    )
