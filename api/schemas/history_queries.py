"""What the URLs of histories, their points and regressions may ask for."""

from typing import Annotated

from pydantic import Field, StringConstraints

from api.paging import DEFAULT_LIMIT, MAX_LIMIT
from api.schemas.queries import Name, Query, SeriesFormat
from migperf.histories.regression import RegressionState
from migperf.statistics.detection.verdict import HistoryVerdict
from migperf.store.histories import HistoryFilter

PagedLimit = Annotated[int, Field(ge=1, le=MAX_LIMIT)]
Cursor = Annotated[str, StringConstraints(max_length=36)]
_CURSOR = "`next_cursor` of the page before."


class PageQuery(Query):
    """Which page of a listing."""

    limit: PagedLimit = Field(default=DEFAULT_LIMIT, description="At most so many.")
    cursor: Cursor | None = Field(default=None, description=_CURSOR)


class HistoryQuery(PageQuery):
    """Which histories to list, and which page."""

    workload: Name | None = Field(default=None, description="Only histories of this workload.")
    scenario: Name | None = Field(default=None, description="Only histories of this scenario.")
    fingerprint: Name | None = Field(default=None, description="Only histories of the benchmark with this fingerprint.")
    verdict: HistoryVerdict | None = Field(default=None, description="Only histories of which this is said now.")
    watched: bool | None = Field(default=None, description="Only histories that are watched, or (`false`) are not.")
    q: Name | None = Field(default=None, description="Only histories whose title has these letters, capital or not.")

    def wanted(self) -> HistoryFilter:
        """Return the filter."""
        return HistoryFilter(
            workload=self.workload,
            scenario=self.scenario,
            fingerprint=self.fingerprint,
            verdict=self.verdict,
            watched=self.watched,
            text=self.q,
        )


class PointsQuery(Query):
    """Which points of a history to return, and in which form."""

    limit: PagedLimit | None = Field(
        default=None, description=f"At most so many, {DEFAULT_LIMIT} if left out. Tables have no pages."
    )
    cursor: Cursor | None = Field(default=None, description=_CURSOR)
    environment: bool = Field(default=False, description="With the whole environment of each; not for tables.")
    format: SeriesFormat | None = Field(
        default=None, description="JSON, or a table; left out, the header `Accept` decides.", examples=["csv"]
    )


class RegressionQuery(PageQuery):
    """Which regressions to list, and which page."""

    state: Annotated[tuple[RegressionState, ...], Field(max_length=len(RegressionState))] = Field(
        default=(), description="Only regressions in this state; repeat it for several."
    )
    history: Name | None = Field(default=None, description="Only regressions of the history with this id.")
