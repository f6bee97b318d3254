"""The web page of API keys, for administrators: those that there are, a form for another, and what scopes allow."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from api.dependencies import AppDatabase, AppLinks, AppPages, AppSettings
from api.needs import ADMIN
from api.schemas.keys import KeyView
from migperf.access.scope import Scope
from migperf.store import keys
from migperf.store.database import now

router = APIRouter(prefix="/keys", include_in_schema=False, default_response_class=HTMLResponse, dependencies=[ADMIN])


@router.get("")
def show_keys(database: AppDatabase, settings: AppSettings, links: AppLinks, pages: AppPages) -> HTMLResponse:
    """Show every key, newest first, and the form for a new one; while nobody is asked for keys, how that is changed."""
    with database.read() as session:
        time = now(session)
        kept = [KeyView.of(row, links, time) for row in keys.all_of(session)]
    return pages.render("keys.html", links, keys=kept, scopes=tuple(Scope), authenticates=settings.authenticates)
