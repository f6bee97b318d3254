"""The part of the client that has to do with schedules."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import quote

from migperf.client.schedule_models import FiringView, ScheduleDetail, ScheduleList, ScheduleView
from migperf.client.transport import Query, Transport

Document = Mapping[str, Any]
"""A schedule as its file says it; see migperf.schedules.document."""


class _Connected(Protocol):
    _transport: Transport


class ScheduleCalls:
    """What a client can ask about schedules, each by its name or its id.

    Every call raises ApiNotFoundError for one that does not exist.
    """

    def add_schedule(self: _Connected, document: Document) -> ScheduleDetail:
        """Store a schedule. Raises RequestRefusedError with places, and ApiConflictError if its name is taken."""
        answer = self._transport.send("POST", "/v1/schedules", json=document, repeatable=False)
        return self._transport.parse(ScheduleDetail, answer)

    def schedules(self: _Connected, limit: int = 50) -> Iterator[ScheduleView]:
        """Yield at most so many schedules, newest first."""
        query: Query = [("limit", str(min(limit, 200)))]
        while limit > 0:
            page = self._transport.get(ScheduleList, "/v1/schedules", query)
            yield from page.items[:limit]
            limit -= len(page.items)
            if page.next_cursor is None:
                return
            query = [("limit", str(min(max(limit, 1), 200))), ("cursor", page.next_cursor)]

    def schedule(self: _Connected, schedule: str) -> ScheduleDetail:
        """Return the schedule with its document and its latest firings."""
        return self._transport.get(ScheduleDetail, schedule_path(schedule))

    def replace_schedule(self: _Connected, schedule: str, document: Document) -> ScheduleDetail:
        """Put another document in the place of the schedule's. Raises RequestRefusedError with places."""
        answer = self._transport.send("PUT", schedule_path(schedule), json=document)
        return self._transport.parse(ScheduleDetail, answer)

    def pause_schedule(self: _Connected, schedule: str) -> ScheduleDetail:
        """Have the schedule not fire any more. Asking twice changes nothing."""
        answer = self._transport.send("PATCH", schedule_path(schedule), json={"paused": True})
        return self._transport.parse(ScheduleDetail, answer)

    def resume_schedule(self: _Connected, schedule: str) -> ScheduleDetail:
        """Have the schedule fire again from now on. Asking twice changes nothing."""
        answer = self._transport.send("PATCH", schedule_path(schedule), json={"paused": False})
        return self._transport.parse(ScheduleDetail, answer)

    def fire_schedule(self: _Connected, schedule: str) -> FiringView:
        """Submit what the schedule submits, at once. Raises ApiConflictError where no device has what it wants."""
        answer = self._transport.send("POST", f"{schedule_path(schedule)}/fire", repeatable=False)
        return self._transport.parse(FiringView, answer)

    def delete_schedule(self: _Connected, schedule: str) -> None:
        """Delete a schedule with its firings; what it submitted stays."""
        self._transport.send("DELETE", schedule_path(schedule), repeatable=False)


def schedule_path(schedule: str) -> str:
    """Return the path of a schedule."""
    return f"/v1/schedules/{quote(schedule, safe='')}"
