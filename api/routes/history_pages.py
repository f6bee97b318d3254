"""The web pages of histories: the list, and one with its charts."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse

from api.dependencies import AppDatabase, AppLinks, AppPages
from api.history_list import listed
from api.history_page import HistoryPage
from api.needs import READ
from api.paging import DEFAULT_LIMIT, PageCursor
from migperf.errors import NotFoundError
from migperf.statistics.detection.verdict import HistoryVerdict
from migperf.store import histories
from migperf.store.histories import HistoryFilter

router = APIRouter(
    prefix="/histories", include_in_schema=False, default_response_class=HTMLResponse, dependencies=[READ]
)

LONGEST_TEXT = 255
Text = Annotated[str, Query(max_length=LONGEST_TEXT)]
Word = Annotated[str, Query(max_length=24)]
Place = Annotated[int | None, Query(ge=0, lt=2**31)]
WATCHED = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Filters:
    """What the form asks for; what it leaves empty, and what no form has sent, does not matter."""

    text: Text = ""
    verdict: Word = ""
    watched: Word = ""

    @property
    def wanted(self) -> HistoryFilter:
        """Which histories these are."""
        verdict = HistoryVerdict(self.verdict) if self.verdict in set(HistoryVerdict) else None
        return HistoryFilter(text=self.text.strip() or None, verdict=verdict, watched=WATCHED.get(self.watched))

    @property
    def query(self) -> str:
        """The same as the query of an address; empty where all are wanted."""
        fields = {"text": self.text.strip(), "verdict": self.verdict, "watched": self.watched}
        return urlencode({name: value for name, value in fields.items() if value})


@dataclass(frozen=True, slots=True)
class Shown:
    """The part of a history that is asked for: charts from a point to another one, the table before a point."""

    first: Annotated[Place, Query(alias="from")] = None
    last: Annotated[Place, Query(alias="to")] = None
    before: Annotated[int | None, Query(ge=0, lt=2**63)] = None


@router.get("")
def show_histories(
    filters: Annotated[Filters, Depends()],
    database: AppDatabase,
    links: AppLinks,
    pages: AppPages,
    cursor: PageCursor = None,
) -> HTMLResponse:
    """List histories, newest first."""
    with database.read() as session:
        page = histories.latest(session, filters.wanted, DEFAULT_LIMIT, cursor)
        rows = listed(session, page.rows)
        return pages.render(
            "histories.html",
            links,
            listed=rows,
            verdicts=list(HistoryVerdict),
            filters=filters,
            cursor=cursor,
            next_cursor=page.next_cursor,
        )


@router.get("/{history_id}")
def show_history(
    history_id: str, asked: Annotated[Shown, Depends()], database: AppDatabase, links: AppLinks, pages: AppPages
) -> HTMLResponse:
    """Show one history."""
    try:
        with database.read() as session:
            shown = HistoryPage.of(session, history_id, (asked.first, asked.last), asked.before, links)
            return pages.render("history.html", links, shown=shown, history=shown.history, before=asked.before)
    except NotFoundError as error:
        return pages.render("missing.html", links, status=404, detail=str(error))
