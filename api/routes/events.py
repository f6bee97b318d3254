"""What happened and what happens to a run: its timeline, and a stream of events."""

from collections.abc import AsyncIterable
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from api.dependencies import AppDatabase, AppLinks, RunId
from api.needs import READ
from api.problems import NOT_FOUND, VALIDATION, documented
from api.schemas.timeline import Timeline
from api.watch import RunWatch
from migperf.store import runs

router = APIRouter(prefix="/v1/runs/{run_id}", tags=["events"], dependencies=[READ])

SOONEST_S, LATEST_S = 0.1, 1.0
"""A look at the run costs the host a few milliseconds, which a payload on its CPU misses: after a change of state or
phase more may follow soon, later on the next look can wait."""
_BEFORE_ALL = 0
LastEventId = Annotated[
    int,
    Header(alias="Last-Event-ID", ge=0, le=(1 << 63) - 1, description="Id of the last event seen; later ones follow."),
]
_EXAMPLE = """\
event: state
data: {"id":8123,"at":"2026-03-02T09:15:00.481000Z","attempt":1,"kind":"state","name":"running","detail":null}
id: 8123

event: progress
data: {"state":"running","phase":"measuring","progress":0.4,"version":12}

"""
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "`state` and `phase` events carry a timeline item and its id, `progress` how far the phase has "
        "come; `end` with the run, or `gone` if it was deleted, is the last. Comments keep the connection alive.",
        "content": {"text/event-stream": {"example": _EXAMPLE}},
    }
}


@router.get("/timeline", summary="Show what happened to a run", responses=documented(NOT_FOUND))
def get_timeline(run_id: RunId, database: AppDatabase) -> Timeline:
    """Return every change of state and every phase, in order."""
    with database.read() as session:
        return Timeline.of(runs.events_after(session, runs.get(session, run_id).id, _BEFORE_ALL))


def watch_of(run_id: RunId, database: AppDatabase, links: AppLinks, last_event_id: LastEventId = 0) -> RunWatch:
    """Return what follows the run; refuses an unknown one before the stream begins."""
    watch = RunWatch(database, links, run_id, last_event_id)
    watch.require_run()
    return watch


@router.get(
    "/events",
    summary="Follow a run",
    response_class=EventSourceResponse,
    responses=_STREAM | documented(NOT_FOUND, VALIDATION),
)
async def follow_run(request: Request, watch: Annotated[RunWatch, Depends(watch_of)]) -> AsyncIterable[ServerSentEvent]:
    """Stream what happens to a run, from its beginning or after `Last-Event-ID`, until it has ended."""
    pause_s = SOONEST_S
    while not await request.is_disconnected():
        events = await run_in_threadpool(watch.look)
        for event in events:
            yield event
        if watch.over:
            return
        eventful = any(event.id is not None for event in events)
        pause_s = SOONEST_S if eventful else min(LATEST_S, 1.5 * pause_s)
        await anyio.sleep(pause_s)
