"""Submitting, previewing, listing, cancelling and deleting runs."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from pydantic import JsonValue
from sqlalchemy.orm import Session

from api.dependencies import AppDatabase, AppLinks, AppPlacement, AppSettings, RunId
from api.json_body import JsonRoute
from api.needs import ADMIN, READ, SUBMIT
from api.problems import (
    BAD_CURSOR,
    BODY_TOO_LARGE,
    CONFLICT,
    IDEMPOTENCY_MISMATCH,
    MALFORMED_JSON,
    NOT_FOUND,
    NOT_JSON,
    VALIDATION,
    documented,
)
from api.run_preview import preview
from api.schemas.queries import RunQuery
from api.schemas.run_preview import RunPreview
from api.schemas.runs import RunDetail, RunList, RunView
from migperf.jobs.wait_reader import why_run_waits
from migperf.store import listing, runs
from migperf.store.database import now
from migperf.store.requests import RunRequest
from migperf.store.runs import Submitted
from migperf.store.states import RunState

router = APIRouter(prefix="/v1/runs", tags=["runs"], route_class=JsonRoute, dependencies=[READ])

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Makes a repeated request return the run of the first: 1 to 255 visible ASCII characters.",
    ),
]
_SUBMITTED: dict[int | str, dict[str, Any]] = {
    202: {
        "headers": {
            "Location": {"description": "Path of the run.", "schema": {"type": "string"}},
            "Idempotent-Replayed": {
                "description": "`true` when the run was stored by an earlier request with the same key.",
                "schema": {"type": "string", "enum": ["true"]},
            },
        }
    }
}
_REFUSED = documented(VALIDATION, IDEMPOTENCY_MISMATCH, MALFORMED_JSON, NOT_JSON, BODY_TOO_LARGE)


_READ = documented(VALIDATION, MALFORMED_JSON, NOT_JSON, BODY_TOO_LARGE)


@router.post("", status_code=202, summary="Submit a run", responses=_SUBMITTED | _REFUSED, dependencies=[SUBMIT])
def submit_run(
    body: RunRequest,
    response: Response,
    database: AppDatabase,
    links: AppLinks,
    placement: AppPlacement,
    key: IdempotencyKey = None,
) -> RunView:
    """Store a run as queued; it is placed on a partition as soon as one that it may run on is free.

    Nothing is stored when the request is refused.
    """
    with database.write() as session:
        submitted = _submit(session, body, key)
        view = RunView.of(submitted.run, links)
    response.headers["Location"] = view.url
    if submitted.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    else:
        placement.afterwards()
    return view


@router.post("/preview", summary="Preview a run", responses=_READ)
def preview_run(
    body: dict[str, JsonValue], database: AppDatabase, settings: AppSettings, links: AppLinks
) -> RunPreview:
    """Return what submitting the body would come to: what is wrong with it, or how long it would take and where.

    It may be unfinished. Stores nothing.
    """
    with database.read() as session:
        return preview(session, body, now(session), settings, links)


@router.get("", summary="List runs", responses=documented(NOT_FOUND, VALIDATION, BAD_CURSOR))
def list_runs(query: Annotated[RunQuery, Query()], database: AppDatabase, links: AppLinks) -> RunList:
    """Return one page of runs. While runs come and go, pages neither skip nor repeat those that stay."""
    with database.read() as session:
        page = listing.list_runs(session, query.wanted(), query.sort, query.limit, query.cursor)
        return RunList.of(page, links)


@router.get("/{run_id}", summary="Show a run", responses=documented(NOT_FOUND))
def get_run(run_id: RunId, database: AppDatabase, settings: AppSettings, links: AppLinks) -> RunDetail:
    """Return the run as it is now; while it is queued, with the reason why it waits."""
    with database.read() as session:
        run = runs.get(session, run_id)
        is_queued = run.state is RunState.QUEUED
        wait = why_run_waits(session, run_id, now(session), settings.node_stale_s) if is_queued else None
        return RunDetail.with_wait(run, wait, links)


@router.post(
    "/{run_id}/cancel",
    status_code=202,
    summary="Cancel a run",
    responses=documented(NOT_FOUND, CONFLICT),
    dependencies=[SUBMIT],
)
def cancel_run(run_id: RunId, database: AppDatabase, links: AppLinks, placement: AppPlacement) -> RunView:
    """End a run that has not begun at once, and ask one that is running to end. Asking twice changes nothing."""
    with database.write() as session:
        view = RunView.of(runs.request_cancel(session, run_id, now(session)), links)
    placement.afterwards()
    return view


@router.delete(
    "/{run_id}",
    status_code=204,
    summary="Delete a run",
    responses=documented(NOT_FOUND, CONFLICT),
    dependencies=[ADMIN],
)
def delete_run(run_id: RunId, database: AppDatabase, placement: AppPlacement) -> None:
    """Delete a run that has ended, with its result, series, log and documents."""
    with database.write() as session:
        runs.delete(session, run_id)
    placement.afterwards()


def _submit(session: Session, request: RunRequest, key: str | None) -> Submitted:
    if key is None:
        return Submitted(runs.submit(session, request, now(session)), replayed=False)
    return runs.submit_once(session, request, key, now(session))
