"""The web page that lays runs side by side. What takes time, comparing them, its script asks the service for."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, Field

from api.compare_page import ComparePage
from api.dependencies import AppDatabase, AppLinks, AppPages
from api.needs import READ
from migperf.analysis.terms import StatisticName

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, dependencies=[READ])

MOST = 8
"""Sides of a comparison that a page has room for."""
Ids = Annotated[str, Field(max_length=4000)]


class ComparePageQuery(BaseModel):
    """What to compare. What is unknown is passed over: the table of runs sends its filters with what is picked."""

    baseline: Ids = ""
    candidate: Annotated[tuple[Ids, ...], Field(max_length=100)] = ()
    pick: Annotated[tuple[Ids, ...], Field(max_length=100)] = ()
    statistic: StatisticName = StatisticName.MEAN
    margin: Annotated[float, Field(gt=0, le=1)] = 0.01

    @property
    def sides(self) -> tuple[tuple[str, ...], ...]:
        """The ids of the baseline's runs, then those of each candidate's."""
        return tuple(tuple(filter(None, side.split(","))) for side in (self.baseline, *self.candidate))


@router.get("/compare")
def show_comparison(
    query: Annotated[ComparePageQuery, Query()], database: AppDatabase, links: AppLinks, pages: AppPages
) -> Response:
    """Show two to eight sides, each of one or several runs. Of runs that were picked the first is the baseline.

    Raises NotFoundError for a run that does not exist.
    """
    if query.pick and not query.baseline:
        first, *others = query.pick
        address = urlencode({"baseline": first, "candidate": others}, doseq=True)
        return RedirectResponse(links.to(f"/compare?{address}"), status_code=303)
    sides = query.sides
    if not 1 < len(sides) <= MOST or not all(sides) or sum(map(len, sides)) > ComparePage.MOST_RUNS:
        return pages.render("compare.html", links, status=422, shown=None, most=MOST, most_runs=ComparePage.MOST_RUNS)
    with database.read() as session:
        shown = ComparePage.of(session, sides, links)
    return pages.render(
        "compare.html",
        links,
        shown=shown,
        statistic=query.statistic,
        statistics=list(StatisticName),
        margin=query.margin,
    )
