"""Schedules: adding, listing, showing, changing, pausing and deleting them, and firing them by hand."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import JsonValue
from sqlalchemy.orm import Session

from api.dependencies import AppDatabase, AppLinks, AppPlacement, AppSettings
from api.links import Links
from api.needs import READ, SUBMIT
from api.paging import DEFAULT_LIMIT, PageCursor, PageLimit
from api.problems import (
    BODY_TOO_LARGE,
    CONFLICT,
    MALFORMED_JSON,
    MALFORMED_YAML,
    NOT_FOUND,
    NOT_JSON,
    VALIDATION,
    documented,
)
from api.schedule_page import SHOWN_FIRINGS
from api.schedule_preview import preview
from api.schemas.schedules import (
    FiringView,
    ScheduleDetail,
    ScheduleList,
    SchedulePatch,
    SchedulePreview,
    ScheduleView,
)
from api.yaml_body import OPENAPI, FileRoute
from migperf.jobs.firing import fire_by_hand
from migperf.schedules.document import Schedule
from migperf.store import firings, schedules
from migperf.store.database import now
from migperf.store.models import ScheduleRow
from migperf.store.schedule_standing import standings
from migperf.store.scheduled import checked

router = APIRouter(prefix="/v1/schedules", tags=["schedules"], route_class=FileRoute, dependencies=[READ])
ScheduleKey = Annotated[
    str,
    Path(max_length=64, description="Id or name of a schedule.", examples=["019ab3f2-7c1e-7d10-9d4e-5b1f0c2a6e77"]),
]
_BODY = (VALIDATION, MALFORMED_JSON, MALFORMED_YAML, NOT_JSON, BODY_TOO_LARGE)


@router.post(
    "",
    status_code=201,
    summary="Add a schedule",
    responses=documented(*_BODY, CONFLICT),
    openapi_extra=OPENAPI,
    dependencies=[SUBMIT],
)
def add_schedule(body: Schedule, response: Response, database: AppDatabase, links: AppLinks) -> ScheduleDetail:
    """Store a schedule; it fires from now on. Nothing is stored when the request is refused."""
    schedule = checked(body)
    with database.write() as session:
        shown = _shown(session, schedules.add(session, schedule, now(session)), links)
    response.headers["Location"] = shown.url
    return shown


@router.post(
    "/preview",
    summary="Preview a schedule",
    responses=documented(*_BODY),
    openapi_extra=OPENAPI,
)
def preview_schedule(body: dict[str, JsonValue], database: AppDatabase) -> SchedulePreview:
    """Return when the schedule would fire, and what is wrong with it; it may be unfinished. Stores nothing."""
    with database.read() as session:
        time = now(session)
    return preview(body, time)


@router.get("", summary="List schedules", responses=documented(VALIDATION))
def list_schedules(
    database: AppDatabase,
    links: AppLinks,
    limit: PageLimit = DEFAULT_LIMIT,
    cursor: PageCursor = None,
) -> ScheduleList:
    """Return one page of schedules, newest first."""
    with database.read() as session:
        page = schedules.latest(session, limit, cursor)
        ids, time = [row.id for row in page.rows], now(session)
        last, standing = firings.last_of(session, ids), standings(session, ids)
        items = [ScheduleView.of(row, last.get(row.id), links, time, standing.get(row.id)) for row in page.rows]
        return ScheduleList(items=items, next_cursor=page.next_cursor)


@router.get("/{schedule}", summary="Show a schedule", responses=documented(NOT_FOUND, VALIDATION))
def get_schedule(schedule: ScheduleKey, database: AppDatabase, links: AppLinks) -> ScheduleDetail:
    """Return the schedule with its document, its next five times and its latest firings."""
    with database.read() as session:
        return _shown(session, schedules.get(session, schedule), links)


@router.put(
    "/{schedule}",
    summary="Change a schedule",
    responses=documented(*_BODY, NOT_FOUND, CONFLICT),
    openapi_extra=OPENAPI,
    dependencies=[SUBMIT],
)
def replace_schedule(schedule: ScheduleKey, body: Schedule, database: AppDatabase, links: AppLinks) -> ScheduleDetail:
    """Put another document in the place of the schedule's; its firings stay.

    With another cron expression or time zone it begins anew: what fell before is not made up for.
    """
    document = checked(body)
    with database.write() as session:
        return _shown(session, schedules.replace(session, schedule, document, now(session)), links)


@router.patch(
    "/{schedule}", summary="Pause a schedule, or go on", responses=documented(*_BODY, NOT_FOUND), dependencies=[SUBMIT]
)
def patch_schedule(
    schedule: ScheduleKey, body: SchedulePatch, database: AppDatabase, links: AppLinks
) -> ScheduleDetail:
    """Pause the schedule, or have it fire again from now on; what fell meanwhile is not made up for."""
    with database.write() as session:
        return _shown(session, schedules.pause(session, schedule, now(session), paused=body.paused), links)


@router.post(
    "/{schedule}/fire",
    status_code=202,
    summary="Fire a schedule now",
    responses=documented(NOT_FOUND, CONFLICT, VALIDATION),
    dependencies=[SUBMIT],
)
def fire_schedule(
    schedule: ScheduleKey, database: AppDatabase, settings: AppSettings, links: AppLinks, placement: AppPlacement
) -> FiringView:
    """Submit what the schedule submits, at once: whatever its times, also while it is paused. Its times stay."""
    with database.write() as session:
        row = schedules.lock(session, schedules.get(session, schedule).id)
        fired = fire_by_hand(session, row, now(session), settings.node_stale_s)
        view = FiringView.of(fired, links)
    placement.afterwards()
    return view


@router.delete(
    "/{schedule}",
    status_code=204,
    summary="Delete a schedule",
    responses=documented(NOT_FOUND, VALIDATION),
    dependencies=[SUBMIT],
)
def delete_schedule(schedule: ScheduleKey, database: AppDatabase) -> None:
    """Delete a schedule with its firings. What it submitted stays."""
    with database.write() as session:
        schedules.delete(session, schedule)


def _shown(session: Session, row: ScheduleRow, links: Links) -> ScheduleDetail:
    found = firings.latest(session, row.id, SHOWN_FIRINGS)
    standing = standings(session, [row.id]).get(row.id)
    return ScheduleDetail.with_firings(row, found, links, now(session), standing)
