"""Runs: submitting, finding, cancelling and deleting them, and the one function that changes their state."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete as sql_delete
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from migperf.errors import ConflictError, MigperfError, NotFoundError
from migperf.store.models import IdempotencyKey, Label, Lease, Run, RunEvent
from migperf.store.requests import RunRequest
from migperf.store.run_search import search_text
from migperf.store.states import RunState, check_transition


class IdempotencyMismatchError(MigperfError):
    """An idempotency key came again with another request."""

    def __init__(self, key: str) -> None:
        super().__init__(f"Idempotency-Key {key!r} was used for another request; use a new key for a new request")


@dataclass(frozen=True, slots=True)
class Submitted:
    """The run that a submission led to; ``replayed`` when an earlier one with the same key had made it."""

    run: Run
    replayed: bool


@dataclass(frozen=True, slots=True)
class Membership:
    """The group of an experiment that a run belongs to, its place there, and what it is there for."""

    experiment_id: str
    group_id: str
    member: int
    role: str


def submit(session: Session, request: RunRequest, now: datetime) -> Run:
    """Store a run as queued and return it."""
    (run,) = submit_all(session, [(request, None)], now)
    return run


def submit_all(
    session: Session, requests: Iterable[tuple[RunRequest, Membership | None]], now: datetime
) -> Sequence[Run]:
    """Store runs as queued, in their order, and return them; many take a few statements."""
    made = [_queued(request, now, membership) for request, membership in requests]
    session.add_all(made)
    session.flush()
    for run in made:
        _note(session, run, "state", RunState.QUEUED, now)
    return made


def _queued(request: RunRequest, now: datetime, membership: Membership | None) -> Run:
    benchmark = request.benchmark()
    return Run(
        id=str(uuid7()),
        created_at=now,
        state=RunState.QUEUED,
        workload=benchmark.workload,
        scenario=str(benchmark.scenario),
        fingerprint=benchmark.fingerprint(),
        benchmark=benchmark.model_dump(mode="json"),
        layout=benchmark.layout,
        priority=request.priority,
        timeout_s=request.timeout_s,
        retry_limit=request.retry_limit,
        taint_retry_limit=request.taint_retry_limit,
        history_due=request.in_history,
        experiment_id=membership and membership.experiment_id,
        group_id=membership and membership.group_id,
        member=membership and membership.member,
        role=membership and membership.role,
        search_text=search_text(benchmark.workload, request.labels),
        labels=[Label(key=key, value=value) for key, value in sorted(request.labels.items())],
    )


def submit_once(session: Session, request: RunRequest, key: str, now: datetime) -> Submitted:
    """Store a run under an idempotency key, or return the one that is stored under it.

    Raises IdempotencyMismatchError when the key belongs to another request.
    """
    digest = _digest(request)
    if (known := session.get(IdempotencyKey, key)) is not None:
        return _replay(session, known, digest)
    try:
        with session.begin_nested():
            run = submit(session, request, now)
            session.add(IdempotencyKey(key=key, request_sha256=digest, run_id=run.id, created_at=now))
    except IntegrityError:
        # Another request with the same key was stored between our look and our insert.
        session.expire_all()
        return _replay(session, session.get_one(IdempotencyKey, key), digest)
    return Submitted(run, replayed=False)


def get(session: Session, run_id: str) -> Run:
    """Return the run. Raises NotFoundError."""
    run = session.get(Run, run_id)
    if run is None:
        raise NotFoundError("run", run_id)
    return run


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run stands, as a watcher asks again and again."""

    version: int
    state: RunState
    attempt: int
    phase: str | None
    progress: float


def standing(session: Session, run_id: str) -> Standing | None:
    """Return where the run stands without reading all of it; None when there is no such run."""
    columns = (Run.version, Run.state, Run.attempt, Run.phase, Run.progress)
    row = session.execute(select(*columns).where(Run.id == run_id)).one_or_none()
    return None if row is None else Standing(*row)


def lock(session: Session, run_id: str) -> Run:
    """Return the run as it is now, its row locked until the transaction ends. Raises NotFoundError.

    Whoever changes a run or its lease holds this lock, so one lock orders every change of a run.
    """
    run = session.scalars(
        select(Run).where(Run.id == run_id).with_for_update(of=Run).execution_options(populate_existing=True)
    ).one_or_none()
    if run is None:
        raise NotFoundError("run", run_id)
    return run


def move(session: Session, run: Run, to_state: RunState, now: datetime, reason: str | None = None) -> None:
    """Change the state of a locked run, and write the change down. Raises IllegalTransitionError."""
    check_transition(run.id, run.state, to_state)
    run.state = to_state
    run.reason = reason
    if to_state.is_final:
        run.finished_at = now
        run.duration_s = None if run.started_at is None else (now - run.started_at).total_seconds()
        run.phase = None
    touch(run)
    _note(session, run, "state", to_state, now, reason)


def note_phase(session: Session, run: Run, phase: str, now: datetime) -> None:
    """Write down that a running run entered a phase."""
    run.phase = phase
    run.progress = 0.0
    touch(run)
    _note(session, run, "phase", phase, now)


def touch(run: Run) -> None:
    """Tell watchers that the run has changed."""
    run.version += 1


def request_cancel(session: Session, run_id: str, now: datetime) -> Run:
    """Cancel a run: at once if it has not begun, else by asking its supervisor. Cancelling twice changes nothing.

    Raises NotFoundError, and ConflictError when the run has ended in another way.
    """
    run = lock(session, run_id)
    if run.state is RunState.CANCELLED:
        return run
    if run.state.is_final:
        raise ConflictError(f"run {run_id} has ended as {run.state}; there is nothing to cancel")
    if run.state is RunState.RUNNING:
        run.cancel_requested_at = run.cancel_requested_at or now
        touch(run)
        return run
    cancel_waiting(session, run, now, "cancelled before it began")
    return run


def cancel_waiting(session: Session, run: Run, now: datetime, reason: str) -> None:
    """Cancel a locked run that has not begun, and let go of the place that it may have."""
    for lease in active_leases(session, run.id):
        lease.released_at, lease.outcome = now, str(RunState.CANCELLED)
    move(session, run, RunState.CANCELLED, now, reason)


def active_leases(session: Session, run_id: str) -> Sequence[Lease]:
    """Return the lease that the run holds, if any."""
    return session.scalars(select(Lease).where(Lease.run_id == run_id, Lease.released_at.is_(None))).all()


def delete(session: Session, run_id: str) -> None:
    """Delete a run that has ended, and all that belongs to it. Raises NotFoundError and ConflictError."""
    run = lock(session, run_id)
    if not run.state.is_final:
        raise ConflictError(f"run {run_id} is {run.state}; cancel it before deleting it")
    if run.group_row is not None:
        raise ConflictError(
            f"run {run_id} belongs to experiment {run.group_row.experiment_id}, whose figures rest on it; delete that"
        )
    session.execute(sql_delete(Run).where(Run.id == run_id))
    session.expunge(run)


def events_after(session: Session, run_id: str, event_id: int) -> Sequence[RunEvent]:
    """Return what happened to the run after the event with that id, in order."""
    query = select(RunEvent).where(RunEvent.run_id == run_id, RunEvent.id > event_id).order_by(RunEvent.id)
    return session.scalars(query).all()


def _digest(request: RunRequest) -> str:
    """What tells requests apart; the order of the members of a JSON object does not."""
    text = json.dumps(request.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _replay(session: Session, known: IdempotencyKey, digest: str) -> Submitted:
    if known.request_sha256 != digest:
        raise IdempotencyMismatchError(known.key)
    return Submitted(get(session, known.run_id), replayed=True)


def _note(session: Session, run: Run, kind: str, name: str, now: datetime, detail: str | None = None) -> None:
    session.add(RunEvent(run_id=run.id, at=now, attempt=run.attempt, kind=kind, name=str(name), detail=detail))
