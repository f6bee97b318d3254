"""The stream of a run's series while they grow."""

from collections.abc import AsyncIterable
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from api.dependencies import AppDatabase, AppLinks, AppSettings, RunId
from api.field_errors import invalid
from api.problems import NOT_FOUND, VALIDATION, documented
from api.schemas.queries import SeriesEventsQuery
from api.series_cursor import BadSeriesCursorError, SeriesCursor
from api.series_watch import SeriesWatch, Wanted

router = APIRouter()

LAST_EVENT_ID = "Last-Event-ID"
LastEventId = Annotated[
    str | None,
    Header(
        alias=LAST_EVENT_ID,
        max_length=8192,
        description="Id of the last event seen: what came since follows, and nothing twice.",
        examples=["eNpjYGBgZGBkAAAAHgAF"],
    ),
]
_EXAMPLE = """\
event: samples
data: {"name":"power_average","unit":"W","scope":"gpu","source":"nvml","kind":"gauge","period_ms":100.0,"absent":null,\
"thinned_from":null,"attempt":1,"downsampled_from":null,"time_s":[2.51,2.61],"value":[214.1,213.8],"gaps":[]}
id: eNpjYGBgZGBkAAAAHgAF

"""
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "`samples` events carry what has come to one series: samples, and gaps that began or ended. "
        "With more than `points` samples at once they are downsampled, extremes kept, and `downsampled_from` says from "
        "how many. After `restart` the run begins anew, and what came before is void. `end` with the run, when all of "
        "it was sent, or `gone` if it was deleted, is the last. Comments keep the connection alive.",
        "content": {"text/event-stream": {"example": _EXAMPLE}},
    }
}


def watch_of(
    run_id: RunId,
    query: Annotated[SeriesEventsQuery, Query()],
    database: AppDatabase,
    links: AppLinks,
    last_event_id: LastEventId = None,
) -> SeriesWatch:
    """Return what follows the series; refuses an unknown run or place before the stream begins."""
    try:
        cursor = SeriesCursor.decode(last_event_id, run_id) if last_event_id else None
    except BadSeriesCursorError as error:
        raise invalid(("header", LAST_EVENT_ID), str(error), last_event_id) from error
    watch = SeriesWatch(database, links, run_id, Wanted(names=query.name, points=query.points), cursor)
    watch.require_run()
    return watch


@router.get(
    "/series/events",
    tags=["series"],
    summary="Follow the series of a run",
    response_class=EventSourceResponse,
    responses=_STREAM | documented(NOT_FOUND, VALIDATION),
)
async def follow_series(
    request: Request, settings: AppSettings, watch: Annotated[SeriesWatch, Depends(watch_of)]
) -> AsyncIterable[ServerSentEvent]:
    """Stream samples as they are stored, from the beginning of the run or after `Last-Event-ID`, until it has ended."""
    while not await request.is_disconnected():
        for event in await run_in_threadpool(watch.look):
            yield event
        if watch.over:
            return
        await anyio.sleep(settings.samples_every_s)
