"""Schedules fired by real databases under a fake clock: once whoever fires them, with the run in one transaction."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from migperf.jobs.firing import Timekeeper, fire_by_hand
from migperf.jobs.scheduler import keep_time
from migperf.schedules.document import validate
from migperf.schedules.firing import FiringOutcome
from migperf.store import database as databases
from migperf.store import experiments, firings, runs, schedules
from migperf.store.database import Database
from migperf.store.models import ExperimentRow, FiringRow, Run, ScheduleRow
from migperf.store.scheduled import checked
from tests import builders

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
STALE_S = 20.0
BENCHMARK = {"workload": "test-step", "scenario": "train", "labels": {"team": "a"}}
EXPERIMENT = {
    "migperf": 1,
    "name": "steps",
    "where": {"kind": "cpu"},
    "benchmark": {"workload": "test-step", "scenario": "single_stream"},
    "matrix": {"benchmark.parameters.step_ms": [1, 2]},
    "repeats": 1,
}


@dataclass
class FakeClock:
    """Says what it is set to."""

    now: datetime = NOON

    def __call__(self, session: Session) -> datetime:
        return self.now


@dataclass
class Kept:
    """A schedule that is kept, and the clock by which it fires."""

    database: Database
    row: ScheduleRow
    clock: FakeClock = field(default_factory=FakeClock)

    def at(self, now: datetime) -> int:
        """Look at the schedules at that time."""
        self.clock.now = now
        return Timekeeper(self.database, STALE_S, self.clock).step()

    def firings(self) -> list[FiringRow]:
        """Its firings in the order in which they were seen to."""
        with self.database.read() as session:
            return list(reversed(firings.latest(session, self.row.id, 1000)))

    def end_runs(self) -> None:
        """Cancel every run that has not ended."""
        with self.database.write() as session:
            for run in session.scalars(select(Run)).all():
                if not run.state.is_final:
                    runs.request_cancel(session, run.id, NOON)


def keep(database: Database, **more: Any) -> Kept:
    document = {"migperf": 1, "name": "hourly", "cron": "0 * * * *", "benchmark": BENCHMARK, **more}
    with database.write() as session:
        return Kept(database, schedules.add(session, checked(validate(document)), NOON))


def stored_runs(database: Database) -> list[Run]:
    with database.read() as session:
        return list(session.scalars(select(Run).order_by(Run.id)))


def test_a_firing_and_its_labelled_run_are_stored_together(database: Database) -> None:
    kept = keep(database)
    assert kept.at(NOON + HOUR - SECOND) == 0
    assert kept.at(NOON + HOUR + SECOND) == 1
    assert kept.at(NOON + HOUR + 2 * SECOND) == 0
    (firing,), (run,) = kept.firings(), stored_runs(database)
    assert (firing.due_at, firing.fired_at, firing.by_hand) == (NOON + HOUR, NOON + HOUR + SECOND, False)
    assert (firing.outcome, firing.reason, firing.run_id) == (FiringOutcome.SUBMITTED, None, run.id)
    assert {label.key: label.value for label in run.labels} == {"team": "a", "schedule": "hourly"}


def test_an_experiment_is_submitted_with_the_label_on_each_run(database: Database) -> None:
    with database.write() as session:
        builders.register(session, databases.now(session), builders.partition(cpus=(0, 1)))
    kept = keep(database, benchmark=None, experiment=EXPERIMENT)
    kept.at(NOON + HOUR)
    (firing,) = kept.firings()
    with database.read() as session:
        made = experiments.runs_of(session, firing.experiment_id or "")
        assert len(made) == 2
        for run in made:
            assert {label.key: label.value for label in run.labels} == {"experiment": "steps", "schedule": "hourly"}


def test_without_a_device_the_firing_is_refused_with_the_reason_and_the_next_one_tries_again(
    database: Database,
) -> None:
    kept = keep(database, benchmark=None, experiment=EXPERIMENT)
    kept.at(NOON + HOUR)
    with database.write() as session:
        builders.register(session, databases.now(session), builders.partition(cpus=(0, 1)))
    kept.at(NOON + 2 * HOUR)
    refused, submitted = kept.firings()
    assert refused.outcome is FiringOutcome.REFUSED
    assert (refused.reason or "").startswith("no living node has a device with kind=cpu")
    assert submitted.outcome is FiringOutcome.SUBMITTED
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(ExperimentRow)) == 1


def test_what_this_version_cannot_run_any_more_is_refused_and_told(database: Database) -> None:
    """A payload of another package may be gone after an upgrade."""
    kept = keep(database)
    with database.write() as session:
        row = schedules.lock(session, kept.row.id)
        row.document = row.document | {"benchmark": BENCHMARK | {"workload": "gone"}}
    kept.at(NOON + HOUR)
    (firing,) = kept.firings()
    assert firing.outcome is FiringOutcome.REFUSED
    assert "benchmark.workload" in (firing.reason or "")


def test_a_document_that_cannot_be_read_any_more_is_told_once_and_stops_nothing_else(database: Database) -> None:
    broken, whole = keep(database), keep(database, name="whole")
    with database.write() as session:
        row = schedules.lock(session, broken.row.id)
        row.document = row.document | {"time_zone": "Europe/Atlantis"}
    for hours in (1, 2):
        broken.at(NOON + hours * HOUR)
        whole.end_runs()
    (firing,) = broken.firings()
    assert firing.outcome is FiringOutcome.REFUSED
    assert "Atlantis" in (firing.reason or "")
    assert [one.outcome for one in whole.firings()] == [FiringOutcome.SUBMITTED] * 2


@pytest.mark.parametrize(
    ("overlap", "outcomes"), [("skip", "submitted skipped submitted"), ("queue", "submitted " * 3)]
)
def test_a_firing_that_overlaps_is_skipped_or_queued(database: Database, overlap: str, outcomes: str) -> None:
    kept = keep(database, overlap=overlap)
    kept.at(NOON + HOUR)
    kept.at(NOON + 2 * HOUR)
    kept.end_runs()
    kept.at(NOON + 3 * HOUR)
    assert [str(one.outcome) for one in kept.firings()] == outcomes.split()


@pytest.mark.parametrize(("missed", "outcome"), [("skip", FiringOutcome.MISSED), ("once", FiringOutcome.SUBMITTED)])
def test_after_a_downtime_what_was_missed_is_left_out_or_made_up_for_once(
    database: Database, missed: str, outcome: FiringOutcome
) -> None:
    kept = keep(database, missed=missed)
    kept.at(NOON + 7.5 * HOUR)
    kept.at(NOON + 7.6 * HOUR)
    (firing,) = kept.firings()
    assert (firing.due_at, firing.outcome, firing.went_by) == (NOON + 7 * HOUR, outcome, 6)
    assert len(stored_runs(database)) == (missed == "once")


def test_a_clock_that_is_put_back_fires_nothing_twice(database: Database) -> None:
    kept = keep(database, overlap="queue")
    for hours in (1, 2, 0.5, 1, 2, 3):
        kept.at(NOON + hours * HOUR)
    assert [one.due_at for one in kept.firings()] == [NOON + hours * HOUR for hours in (1, 2, 3)]


def test_a_paused_schedule_does_not_fire_but_can_be_fired_by_hand(database: Database) -> None:
    kept = keep(database, paused=True)
    assert kept.at(NOON + 5 * HOUR) == 0
    with database.write() as session:
        fire_by_hand(session, schedules.lock(session, kept.row.id), NOON + 5 * HOUR, STALE_S)
    (firing,) = kept.firings()
    assert (firing.by_hand, firing.outcome) == (True, FiringOutcome.SUBMITTED)
    assert len(stored_runs(database)) == 1


@contextmanager
def at_once(count: int) -> Iterator[Callable[[Callable[[int], int]], list[int]]]:
    """What has many threads do something at the same moment, each with its number."""
    barrier = threading.Barrier(count)

    def together(act: Callable[[int], int]) -> list[int]:
        def begin(number: int) -> int:
            barrier.wait(10)
            return act(number)

        return list(pool.map(begin, range(count)))

    with ThreadPoolExecutor(count) as pool:
        yield together


def test_schedulers_that_look_at_the_same_moment_fire_once(database_url: str, database: Database) -> None:
    """Each has connections of its own, as another process would."""
    kept = keep(database, overlap="queue")
    others = [Database(database_url) for _ in range(4)]
    with at_once(len(others)) as together:
        for hours in range(1, 9):
            keepers = [Timekeeper(other, STALE_S, FakeClock(NOON + hours * HOUR)) for other in others]
            assert sum(together(lambda number, keepers=keepers: keepers[number].step())) == 1
    for other in others:
        other.close()
    assert [one.due_at for one in kept.firings()] == [NOON + hours * HOUR for hours in range(1, 9)]
    assert len(stored_runs(database)) == 8


class FastClock:
    """Begins at a full hour and goes an hour in a fraction of a second."""

    def __init__(self, hour_s: float) -> None:
        self._hour_s = hour_s
        self._began = datetime.now(UTC)

    def __call__(self, session: Session) -> datetime:
        return NOON + (datetime.now(UTC) - self._began) / timedelta(seconds=self._hour_s) * HOUR


@dataclass
class CountedPasses:
    """Stands where placement passes are run."""

    count: int = 0
    left_s: float = 1000.0

    def run(self) -> None:
        self.count += 1


@dataclass
class Absent:
    """A timekeeper whose database is away at first."""

    inner: Timekeeper
    refusals: int = 3

    def step(self) -> int:
        if self.refusals:
            self.refusals -= 1
            raise OperationalError("SELECT", None, Exception("the database is away"))
        return self.inner.step()

    def until_next_s(self) -> float | None:
        return self.inner.until_next_s()


def test_the_scheduler_outlives_a_database_that_is_away_and_places_what_it_fired(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migperf.jobs.scheduler.LONGEST_S", 0.05)
    kept, passes, stop = keep(database, overlap="queue"), CountedPasses(), threading.Event()
    keeper = Absent(Timekeeper(database, STALE_S, FastClock(0.2)))
    loop = threading.Thread(target=keep_time, args=(keeper, passes, stop))
    loop.start()
    try:
        deadline = datetime.now(UTC) + timedelta(seconds=20)
        while passes.count < 2:
            assert datetime.now(UTC) < deadline
            stop.wait(0.02)
    finally:
        stop.set()
        loop.join(10)
    assert len(kept.firings()) == passes.count


def test_the_scheduler_wakes_for_the_next_firing_and_for_schedules_stored_meanwhile(database: Database) -> None:
    """It waits until the next firing, but never longer than a second."""
    kept = keep(database)
    keeper = Timekeeper(database, STALE_S, FakeClock(NOON + HOUR - 0.25 * SECOND))
    assert keeper.until_next_s() == pytest.approx(0.25)

    waits: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0)
            self.set()
            return True

    for now in (NOON + HOUR - 0.25 * SECOND, NOON):
        keep_time(Timekeeper(database, STALE_S, FakeClock(now)), CountedPasses(), Stop())
    assert waits == [pytest.approx(0.25), 1.0]
    assert kept.firings() == []
