"""The part of the client that has to do with histories and regressions."""

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, Unpack
from urllib.parse import quote

from pydantic import BaseModel

from migperf.client.history_models import (
    HistoryDetail,
    HistoryEventList,
    HistoryEventView,
    HistoryList,
    HistoryView,
    PointList,
    PointView,
    RunHistory,
)
from migperf.client.paging import paged
from migperf.client.regression_models import RegressionDetail, RegressionList, RegressionView
from migperf.client.transport import Query, Transport
from migperf.histories.regression import RegressionState
from migperf.statistics.detection.verdict import HistoryVerdict

if TYPE_CHECKING:
    from migperf.histories.watch import Watch


class HistoryQuery(TypedDict, total=False):
    """Which histories to list; what is left out does not matter."""

    workload: str
    scenario: str
    fingerprint: str
    verdict: HistoryVerdict
    watched: bool
    q: str
    """Some letters of the title, capital or not."""


class _Connected(Protocol):
    _transport: Transport


class HistoryCalls:
    """What a client can ask about histories and regressions, each by its id.

    Every call raises ApiNotFoundError for one that does not exist.
    """

    def histories(self: _Connected, limit: int = 50, **asked: Unpack[HistoryQuery]) -> Iterator[HistoryView]:
        """Yield at most so many histories, the one begun last first."""
        query = [(name, str(value).lower() if isinstance(value, bool) else str(value)) for name, value in asked.items()]
        return paged(partial(self._transport.get, HistoryList, "/v1/histories"), query, limit)

    def history(self: _Connected, history_id: str) -> HistoryDetail:
        """Return a history with what is said of each metric."""
        return self._transport.get(HistoryDetail, history_path(history_id))

    def history_points(
        self: _Connected, history_id: str, limit: int = 50, *, environment: bool = False
    ) -> Iterator[PointView]:
        """Yield at most so many points, the newest first; with ``environment`` each with the whole of it."""
        query: Query = [("environment", "true")] if environment else []
        return paged(partial(self._transport.get, PointList, history_path(history_id, "points")), query, limit)

    def history_events(self: _Connected, history_id: str, limit: int = 50) -> Iterator[HistoryEventView]:
        """Yield at most so much of what became of changes, the latest first."""
        return paged(partial(self._transport.get, HistoryEventList, history_path(history_id, "events")), [], limit)

    def run_history(self: _Connected, run_id: str) -> RunHistory:
        """Return the history that a run is a part of, and its point. Raises ApiNotFoundError saying why in none."""
        return self._transport.get(RunHistory, f"/v1/runs/{quote(run_id, safe='')}/history")

    def watch_history(self: _Connected, history_id: str, watch: "Watch | Mapping[str, Any]") -> HistoryDetail:
        """Watch a history so from now on. Raises RequestRefusedError with places."""
        body = watch.model_dump(mode="json") if isinstance(watch, BaseModel) else dict(watch)
        answer = self._transport.send("PUT", history_path(history_id, "watch"), json=body)
        return self._transport.parse(HistoryDetail, answer)

    def unwatch_history(self: _Connected, history_id: str) -> None:
        """Have nobody told of a history; a schedule that watches its histories does so again with its next run."""
        self._transport.send("DELETE", history_path(history_id, "watch"))

    def leave_out(self: _Connected, history_id: str, point_id: int, reason: str | None) -> PointView:
        """Leave a point out of what is judged, for a reason, or take it in again (None)."""
        path = history_path(history_id, "points", str(point_id))
        answer = self._transport.send("PATCH", path, json={"left_out": reason})
        return self._transport.parse(PointView, answer)

    def delete_history(self: _Connected, history_id: str) -> None:
        """Delete a history with its points and regressions; its runs stay."""
        self._transport.send("DELETE", history_path(history_id), repeatable=False)

    def regressions(
        self: _Connected, limit: int = 50, *, states: Collection[RegressionState] = (), history: str | None = None
    ) -> Iterator[RegressionView]:
        """Yield at most so many regressions, newest first: in any of the states, or all."""
        query = [("state", str(state)) for state in states]
        query += [] if history is None else [("history", history)]
        return paged(partial(self._transport.get, RegressionList, "/v1/regressions"), query, limit)

    def regression(self: _Connected, regression_id: str) -> RegressionDetail:
        """Return a regression with confirmations and record."""
        return self._transport.get(RegressionDetail, _regression_path(regression_id))

    def triage(
        self: _Connected,
        regression_id: str,
        state: RegressionState | None = None,
        comment: str | None = None,
        author: str | None = None,
    ) -> RegressionDetail:
        """Change the state of a regression, comment on it, or both.

        Raises ApiConflictError for one that is over and is to be open again, RequestRefusedError if nothing is said.
        """
        given = {"state": None if state is None else str(state), "comment": comment, "author": author}
        body = {name: value for name, value in given.items() if value is not None}
        answer = self._transport.send("PATCH", _regression_path(regression_id), json=body, repeatable=False)
        return self._transport.parse(RegressionDetail, answer)


def history_path(history_id: str, *below: str) -> str:
    """Return the path of a history, or of something below it."""
    return "/".join(("/v1/histories", quote(history_id, safe=""), *below))


def _regression_path(regression_id: str) -> str:
    return f"/v1/regressions/{quote(regression_id, safe='')}"
