"""Schedules and their firings as they are stored: names, what a change begins anew, and what outlives what."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from migperf.errors import ConflictError, NotFoundError
from migperf.schedules.document import Schedule, validate
from migperf.schedules.firing import FiringOutcome
from migperf.store import experiments, firings, runs, schedules
from migperf.store.database import Database
from migperf.store.experiments import NewExperiment
from migperf.store.firings import NewFiring
from migperf.store.models import Run, ScheduleRow
from migperf.store.scheduled import Submitted, checked
from tests import builders

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def schedule(name: str = "nightly", **more: Any) -> Schedule:
    benchmark = {"workload": "test-step", "scenario": "train"}
    return checked(validate({"migperf": 1, "name": name, "cron": "0 * * * *", "benchmark": benchmark, **more}))


def added(database: Database, name: str = "nightly", **more: Any) -> ScheduleRow:
    with database.write() as session:
        return schedules.add(session, schedule(name, **more), NOON)


def test_a_schedule_is_found_by_id_and_by_name_and_read_back_as_it_was(database: Database) -> None:
    row = added(database, paused=True, jitter_s=5)
    with database.read() as session:
        for key in (row.id, "nightly"):
            assert schedules.read(schedules.get(session, key)) == schedule(paused=True, jitter_s=5)
        with pytest.raises(NotFoundError, match="no schedule is named 'weekly'; there are: nightly"):
            schedules.get(session, "weekly")


def test_two_schedules_have_two_names_also_after_one_was_changed(database: Database) -> None:
    added(database)
    added(database, "weekly")
    with pytest.raises(ConflictError, match="named 'nightly'; choose another"):
        added(database)
    with pytest.raises(ConflictError, match="named 'nightly'"), database.write() as session:
        schedules.replace(session, "weekly", schedule("nightly"), NOON)
    with database.read() as session:
        assert [row.name for row in schedules.latest(session, 10).rows] == ["weekly", "nightly"]


def test_a_new_schedule_fires_from_its_first_time_on_and_not_for_what_fell_before(database: Database) -> None:
    added(database)
    with database.read() as session:
        assert schedules.next_firing_at(session) == NOON + HOUR
        assert schedules.to_see_to(session, NOON + HOUR - timedelta(microseconds=1)) == []
        assert len(schedules.to_see_to(session, NOON + HOUR)) == 1


def test_a_paused_schedule_has_no_next_firing_and_goes_on_from_the_moment_it_is_resumed(database: Database) -> None:
    added(database)
    with database.write() as session:
        schedules.pause(session, "nightly", NOON + HOUR, paused=True)
        assert schedules.next_firing_at(session) is None
        assert schedules.to_see_to(session, NOON + 9 * HOUR) == []
    later = NOON + 5.5 * HOUR
    with database.write() as session:
        schedules.pause(session, "nightly", later, paused=False)
        assert schedules.next_firing_at(session) == NOON + 6 * HOUR


@pytest.mark.parametrize(
    ("change", "next_at"),
    [
        ({"title": "anew"}, NOON + HOUR),
        ({"cron": "30 * * * *"}, NOON + 2.5 * HOUR),
        ({"time_zone": "Asia/Kathmandu"}, NOON + 2.25 * HOUR),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
)
def test_a_change_begins_anew_only_where_it_changes_the_times(
    database: Database, change: dict[str, Any], next_at: datetime
) -> None:
    """What is due when somebody corrects a title still fires; other times are not made up for."""
    added(database)
    with database.write() as session:
        schedules.replace(session, "nightly", schedule(**change), NOON + 2 * HOUR)
        assert schedules.next_firing_at(session) == next_at


def test_one_firing_of_a_time_can_be_written_down_and_no_second(database: Database) -> None:
    """The database keeps two schedulers from firing twice, whatever else goes wrong."""
    row, new = added(database), NewFiring(due_at=NOON + HOUR, outcome=FiringOutcome.SUBMITTED)
    with database.write() as session:
        firings.record(session, row.id, new, NOON + HOUR)
    with pytest.raises(IntegrityError), database.write() as session:
        firings.record(session, row.id, new, NOON + HOUR)
    with database.read() as session:
        assert firings.is_known(session, row.id, NOON + HOUR)
        assert len(firings.latest(session, row.id, 10)) == 1


def test_a_firing_outlives_what_it_submitted_and_a_run_outlives_its_schedule(database: Database) -> None:
    row = added(database)
    with database.write() as session:
        run = builders.submit(session, NOON)
        empty = NewExperiment(name="none", document={}, plan={}, cells=(), order=())
        experiment = experiments.submit(session, empty, NOON)
        for hours, submitted in enumerate((Submitted(run_id=run.id), Submitted(experiment_id=experiment.id))):
            new = NewFiring(due_at=NOON + hours * HOUR, outcome=FiringOutcome.SUBMITTED, submitted=submitted)
            firings.record(session, row.id, new, NOON)
        runs.request_cancel(session, run.id, NOON)
    with database.write() as session:
        runs.delete(session, run.id)
        experiments.delete(session, experiment.id)
    with database.write() as session:
        kept = firings.latest(session, row.id, 10)
        assert [one.outcome for one in kept] == [FiringOutcome.SUBMITTED] * 2
        assert [(one.run_id, one.experiment_id) for one in kept] == [(None, None)] * 2
        other = builders.submit(session, NOON)
        new = NewFiring(due_at=NOON + 5 * HOUR, outcome=FiringOutcome.SUBMITTED, submitted=Submitted(run_id=other.id))
        firings.record(session, row.id, new, NOON)
        schedules.delete(session, "nightly")
    with database.read() as session:
        assert firings.latest(session, row.id, 10) == []
        assert session.get(Run, other.id) is not None


def test_what_is_under_way_is_counted_by_what_has_not_ended(database: Database) -> None:
    row = added(database)
    with database.write() as session:
        run = builders.submit(session, NOON)
        new = NewFiring(due_at=NOON, outcome=FiringOutcome.SUBMITTED, submitted=Submitted(run_id=run.id))
        firings.record(session, row.id, new, NOON)
        assert firings.under_way(session, row.id) == 1
        runs.request_cancel(session, run.id, NOON)
        session.flush()
        assert firings.under_way(session, row.id) == 0


def test_the_last_firing_of_each_schedule_is_read_for_all_of_them_at_once(database: Database) -> None:
    rows = [added(database, name) for name in ("a", "b", "c")]
    with database.write() as session:
        for hours in range(3):
            for row in rows[:2]:
                new = NewFiring(due_at=NOON + hours * HOUR, outcome=FiringOutcome.MISSED)
                firings.record(session, row.id, new, NOON)
    with database.read() as session:
        last = firings.last_of(session, [row.id for row in rows])
        assert {key: one.due_at for key, one in last.items()} == {row.id: NOON + 2 * HOUR for row in rows[:2]}
