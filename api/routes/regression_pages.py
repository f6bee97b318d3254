"""The web pages of regressions: those that are standing before the others, and one with its chart and record."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from api.dependencies import AppDatabase, AppLinks, AppPages
from api.needs import READ
from api.paging import DEFAULT_LIMIT, PageCursor
from api.regression_page import ListedRegression, RegressionPage
from migperf.errors import NotFoundError
from migperf.histories.regression import RegressionState
from migperf.store import histories, regressions
from migperf.store.database import now
from migperf.store.histories import HistoryFilter

router = APIRouter(
    prefix="/regressions", include_in_schema=False, default_response_class=HTMLResponse, dependencies=[READ]
)

STATES = {
    "standing": tuple(state for state in RegressionState if state.is_standing),
    "over": tuple(state for state in RegressionState if not state.is_standing),
    **{str(state): (state,) for state in RegressionState},
}


@dataclass(frozen=True, slots=True)
class Section:
    """Some regressions of one kind, the newest first, and the cursor of those that come after."""

    name: str
    listed: Sequence[ListedRegression]
    next_cursor: str | None


@router.get("")
def show_regressions(
    database: AppDatabase,
    links: AppLinks,
    pages: AppPages,
    state: Annotated[str, Query(max_length=24)] = "",
    cursor: PageCursor = None,
) -> HTMLResponse:
    """List those in a state; without one all, those first that somebody should still care about."""
    chosen = state if state in STATES else None
    names = ("standing", "over") if chosen is None else (chosen,)
    with database.read() as session:
        at, sections = now(session), []
        for name in names:
            page = regressions.latest(session, DEFAULT_LIMIT, None if chosen is None else cursor, STATES[name])
            rows = [ListedRegression.of(row, at) for row in page.rows]
            sections.append(Section(name, rows, page.next_cursor))
        return pages.render(
            "regressions.html",
            links,
            sections=sections,
            states=list(STATES),
            chosen=chosen,
            cursor=cursor if chosen else None,
            is_watched=bool(histories.latest(session, HistoryFilter(watched=True), 1).rows),
            has_histories=bool(histories.latest(session, HistoryFilter(), 1).rows),
        )


@router.get("/{regression_id}")
def show_regression(regression_id: str, database: AppDatabase, links: AppLinks, pages: AppPages) -> HTMLResponse:
    """Show one regression."""
    try:
        with database.read() as session:
            shown = RegressionPage.of(session, regression_id, links, now(session))
            return pages.render("regression.html", links, shown=shown, regression=shown.regression)
    except NotFoundError as error:
        return pages.render("missing.html", links, status=404, detail=str(error))
