"""Results as a worker would store them, without measuring: for histories of which the truth is known."""

import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from migperf.jobs.confirming import Confirming
from migperf.jobs.judging import Judge
from migperf.measure.figures import Interval, ResultFigure
from migperf.metrics.metric import Scope
from migperf.schedules.document import validate
from migperf.schedules.firing import FiringOutcome
from migperf.store import firings, leases, results, runs, schedules
from migperf.store.database import Database
from migperf.store.firings import NewFiring
from migperf.store.models import Run
from migperf.store.scheduled import Submitted, checked
from migperf.store.states import RunState
from tests import builders

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
STALE_S = 3.2e9
"""Nodes of these tests live in another time than the database's clock."""
BENCHMARK: dict[str, Any] = {"workload": "test-step", "scenario": "train"}


def figures(step_ms: float, **more: float) -> list[ResultFigure]:
    """Return the figures of a run whose steps took so long; others by name, in ms."""
    values = {"step_time_p50": step_ms, **more}
    return [_figure(name, value) for name, value in values.items()]


def _figure(name: str, value: float) -> ResultFigure:
    interval = Interval(low=value * 0.999, high=value * 1.001, level=0.95, method="given")
    return ResultFigure(name=name, unit="ms", scope=Scope.PROCESS, value=value, interval=interval)


def end(
    database: Database,
    run: Run,
    at: datetime,
    result: Sequence[ResultFigure] = (),
    state: RunState = RunState.SUCCEEDED,
    **told: Any,
) -> None:
    """Perform a queued run at a time: place it, claim it, store its figures, end it."""
    with database.write() as session:
        _end(session, runs.get(session, run.id), at, result, state, **told)


def _end(
    session: Session, run: Run, at: datetime, result: Sequence[ResultFigure], state: RunState, **told: Any
) -> None:
    lease = builders.place(session, run, at)
    leases.claim(session, lease.id, "node-1-a", at, 60)
    run.environment = {"torch": "2.12", "host": "one"} | told.get("environment", {})
    run.taints = told.get("taints", [])
    results.store_figures(session, run.id, result)
    leases.finish(session, lease.id, state, at + timedelta(seconds=5), told.get("reason"))


def measured(
    database: Database,
    values_ms: Iterable[float],
    begin: datetime = NOON,
    state: RunState = RunState.SUCCEEDED,
    **told: Any,
) -> list[str]:
    """Store one run an hour whose steps took so long, all in one transaction, and return their ids."""
    made = []
    with database.write() as session:
        builders.register(session, begin)
        for number, value_ms in enumerate(values_ms):
            at = begin + number * HOUR
            run = builders.submit(session, at, **BENCHMARK | dict(told.get("request", {})))
            _end(session, run, at, figures(value_ms), state, **told)
            made.append(run.id)
    return made


def scheduled(database: Database, **more: Any) -> str:
    """Store a schedule of the benchmark and return its id."""
    document = {"migperf": 1, "name": "nightly", "cron": "0 * * * *", "benchmark": BENCHMARK} | more
    with database.write() as session:
        return schedules.add(session, checked(validate(document)), NOON).id


def fired(
    database: Database, schedule_id: str, run_id: str | None, at: datetime, experiment_id: str | None = None
) -> int:
    """Write down that a schedule has submitted a run, or an experiment, and return the firing's id."""
    submitted = Submitted(run_id=run_id, experiment_id=experiment_id)
    new = NewFiring(due_at=at, outcome=FiringOutcome.SUBMITTED, submitted=submitted)
    with database.write() as session:
        return firings.record(session, schedule_id, new, at).id


def noisy(count: int, level_ms: float = 100.0, seed: int = 1) -> list[float]:
    """Return step times about a level, with 1 % of noise."""
    generator = random.Random(seed)
    return [level_ms * generator.gauss(1, 0.01) for _ in range(count)]


def judge(database: Database) -> None:
    """Do what a pass of the scheduler does with results."""
    Judge(database).step()


def confirm(
    database: Database, run_ms: float, at: datetime, environments: Mapping[str | None, float] | None = None
) -> None:
    """Do what passes of the scheduler do with confirmations, until none is under way; their runs take so long.

    Those in a software environment take as long as that says.
    """
    for _ in range(50):
        Confirming(database, STALE_S).step()
        with database.read() as session:
            waiting = list(session.scalars(select(Run).where(Run.state == RunState.QUEUED)).unique())
        if not waiting:
            return
        for run in waiting:
            named = run.benchmark.get("environment")
            end(database, run, at, figures((environments or {}).get(named, run_ms)))
    raise AssertionError("the confirmation does not end")
