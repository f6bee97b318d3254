"""Results become points, points are judged, and what got worse becomes one regression with one alert."""

from typing import Any

import pytest
from sqlalchemy import select

from migperf.histories.regression import ConfirmationState, RegressionState, Resolution
from migperf.histories.watch import Watch
from migperf.statistics.detection.verdict import HistoryVerdict
from migperf.store import regressions, schedules, watching
from migperf.store.database import Database
from migperf.store.history_tables import ConfirmationRow, HistoryEventRow, HistoryRow, PointRow, RegressionRow
from migperf.store.models import AlertRow, Run
from migperf.store.states import RunState
from tests import builders
from tests.history_builder import (
    BENCHMARK,
    HOUR,
    NOON,
    confirm,
    end,
    figures,
    fired,
    judge,
    measured,
    noisy,
    scheduled,
)

BEFORE = 20
LATER = NOON + 60 * HOUR


def the_history(database: Database) -> HistoryRow:
    with database.read() as session:
        return session.scalars(select(HistoryRow)).one()


def rows(database: Database, table: Any) -> list[Any]:
    with database.read() as session:
        return list(session.scalars(select(table).order_by(*table.__mapper__.primary_key)).unique())


def watch(database: Database, **asked: Any) -> None:
    with database.write() as session:
        watching.set_by_hand(session.scalars(select(HistoryRow)).one(), Watch.model_validate(asked))


def begun(database: Database, **asked: Any) -> None:
    """A history of twenty points that is watched."""
    measured(database, noisy(BEFORE))
    judge(database)
    watch(database, **asked)
    judge(database)


def one_by_one(database: Database, values: list[float], after: int, **told: Any) -> None:
    for number, value in enumerate(values):
        measured(database, [value], NOON + (after + number) * HOUR, **told)
        judge(database)


def test_results_become_points_in_the_order_of_time_and_are_judged(database: Database) -> None:
    ids = measured(database, noisy(12))
    judge(database)
    history = the_history(database)
    assert (history.points, history.verdict, history.pending) == (12, HistoryVerdict.UNDECIDED, False)
    assert [(row.run_id, row.number) for row in rows(database, PointRow)] == [
        (run_id, n) for n, run_id in enumerate(ids)
    ]
    judge(database)
    assert len(rows(database, PointRow)) == 12


def test_what_did_not_succeed_or_is_to_be_in_no_history_makes_no_point(database: Database) -> None:
    measured(database, noisy(2), state=RunState.FAILED)
    measured(database, noisy(2), request={"in_history": False})
    judge(database)
    assert rows(database, HistoryRow) == []
    assert not any(run.history_due for run in rows(database, Run))


def test_a_regression_is_opened_once_confirmed_and_told_once(database: Database) -> None:
    begun(database)
    one_by_one(database, noisy(3, 120.0, seed=2), after=BEFORE)
    (regression,) = rows(database, RegressionRow)
    assert regression.state is RegressionState.OPEN
    assert regression.first_bad.number == BEFORE
    assert rows(database, AlertRow) == []
    confirm(database, 120.0, LATER)
    (alert,) = rows(database, AlertRow)
    assert alert.subject == regression.id
    assert "step_time_p50 +2" in alert.title
    assert alert.link == f"/regressions/{regression.id}"
    one_by_one(database, noisy(4, 120.0, seed=3), after=BEFORE + 3)
    confirm(database, 120.0, LATER)
    assert len(rows(database, RegressionRow)) == len(rows(database, AlertRow)) == 1
    (confirmation,) = rows(database, ConfirmationRow)
    assert (confirmation.state, len(confirmation.runs)) == (ConfirmationState.CONFIRMED, 3)
    assert confirmation.regression_id == regression.id
    assert the_history(database).points == BEFORE + 7


def test_a_regression_is_resolved_when_it_is_fast_again(database: Database) -> None:
    begun(database, confirm_runs=0)
    one_by_one(database, [*noisy(5, 120.0, seed=2), *noisy(5, seed=3)], after=BEFORE)
    (regression,) = rows(database, RegressionRow)
    assert (regression.state, regression.resolution) == (RegressionState.RESOLVED, Resolution.RECOVERED)
    assert regression.over is not None
    assert regression.over.number == BEFORE + 5
    assert the_history(database).verdict is HistoryVerdict.IMPROVED
    assert len(rows(database, AlertRow)) == 1


def test_a_suspicion_that_the_runs_do_not_bear_out_alarms_nobody(database: Database) -> None:
    begun(database)
    one_by_one(database, [130.0], after=BEFORE)
    (confirmation,) = rows(database, ConfirmationRow)
    assert confirmation.state is ConfirmationState.RUNNING
    confirm(database, 100.0, LATER)
    one_by_one(database, noisy(8, seed=4), after=BEFORE + 1)
    (confirmation,) = rows(database, ConfirmationRow)
    assert confirmation.state is ConfirmationState.REFUTED
    assert rows(database, RegressionRow) == rows(database, AlertRow) == []


def test_what_was_suspected_a_point_too_late_is_compared_with_what_was_before_the_change(database: Database) -> None:
    """A suspicion knows less than the regression that it becomes: a slow point is no level to compare with."""
    begun(database)
    one_by_one(database, noisy(2, 120.0, seed=2), after=BEFORE)
    with database.write() as session:
        (confirmation,) = session.scalars(select(ConfirmationRow)).unique()
        confirmation.first_bad_id = session.scalars(select(PointRow.id).where(PointRow.number == BEFORE + 1)).one()
    one_by_one(database, noisy(1, 120.0, seed=3), after=BEFORE + 2)
    (regression,) = rows(database, RegressionRow)
    assert regression.first_bad.number == BEFORE
    confirm(database, 120.0, LATER)
    (confirmation,) = rows(database, ConfirmationRow)
    assert confirmation.regression_id == regression.id
    assert confirmation.state is ConfirmationState.CONFIRMED, confirmation.findings
    assert len(rows(database, AlertRow)) == 1


def test_a_regression_that_cannot_be_reproduced_stays_open_and_is_told_to_nobody(database: Database) -> None:
    begun(database)
    for number in range(8):
        one_by_one(database, noisy(1, 120.0, seed=number), after=BEFORE + number)
        confirm(database, 100.0, LATER)
    (regression,) = rows(database, RegressionRow)
    assert regression.state is RegressionState.OPEN
    states = [row.state for row in rows(database, ConfirmationRow)]
    assert states == [ConfirmationState.REFUTED] * 3
    assert rows(database, AlertRow) == []


def test_tainted_results_are_left_out_unless_the_watch_wants_them(database: Database) -> None:
    measured(database, noisy(12), taints=[{"rule": "busy_neighbours"}])
    judge(database)
    assert the_history(database).points == 0
    watch(database, tainted="judge")
    judge(database)
    assert the_history(database).points == 12


def test_a_point_that_came_in_between_has_all_judged_anew_to_the_same(database: Database) -> None:
    values = [*noisy(BEFORE), *noisy(6, 120.0, seed=2)]
    begun(database, confirm_runs=0)
    one_by_one(database, values[BEFORE + 1 :], after=BEFORE + 1)
    before = rows(database, RegressionRow)
    assert [row.first_bad.number for row in before] == [BEFORE]
    measured(database, [values[BEFORE]], NOON + BEFORE * HOUR)
    judge(database)
    (regression,) = rows(database, RegressionRow)
    assert regression.id == before[0].id
    assert (regression.first_bad.number, regression.first_bad.at) == (BEFORE, NOON + BEFORE * HOUR)
    assert [row.number for row in sorted(rows(database, PointRow), key=lambda row: row.at)] == list(range(BEFORE + 6))
    assert len(rows(database, AlertRow)) == 1


def test_what_became_of_changes_is_recorded(database: Database) -> None:
    begun(database, confirm_runs=0)
    one_by_one(database, noisy(4, 120.0, seed=2), after=BEFORE)
    (event,) = rows(database, HistoryEventRow)
    points = {row.id: row.number for row in rows(database, PointRow)}
    assert (event.metric, event.revision, points[event.first_id], points[event.point_id]) == (
        "step_time_p50",
        "added",
        BEFORE,
        BEFORE + 2,
    )


def test_the_environment_that_differs_is_marked_and_told(database: Database) -> None:
    begun(database, confirm_runs=0)
    one_by_one(database, noisy(4, 120.0, seed=2), after=BEFORE, environment={"torch": "2.13"})
    marked = {row.number: row.changed for row in rows(database, PointRow) if row.changed}
    assert marked == {BEFORE: [{"name": "torch", "before": "2.12", "after": "2.13"}]}
    (alert,) = rows(database, AlertRow)
    assert "torch 2.12 → 2.13" in alert.text


@pytest.mark.parametrize("state", [RegressionState.RESOLVED, RegressionState.FALSE_ALARM, RegressionState.ACKNOWLEDGED])
def test_what_people_say_of_a_regression_is_not_taken_back_by_the_next_point(
    database: Database, state: RegressionState
) -> None:
    begun(database, confirm_runs=0)
    one_by_one(database, noisy(4, 120.0, seed=2), after=BEFORE)
    (regression,) = rows(database, RegressionRow)
    with database.write() as session:
        regressions.triage(session, regression.id, state, "we know", "ada", LATER)
    one_by_one(database, noisy(4, 120.0, seed=3), after=BEFORE + 4)
    (row,) = rows(database, RegressionRow)
    assert row.state is state
    with database.read() as session:
        record = [(entry.kind, entry.author, entry.text) for entry in regressions.get(session, row.id).entries]
    assert [each for each in record if each[1] == "ada"] == [
        ("state", "ada", str(state)),
        ("comment", "ada", "we know"),
    ]
    assert len(rows(database, AlertRow)) == 1


def test_a_watched_history_of_which_every_point_is_left_out_is_judged_like_any_other(database: Database) -> None:
    measured(database, noisy(2), taints=[{"rule": "busy_neighbours"}])
    judge(database)
    watch(database)
    judge(database)
    history = the_history(database)
    assert (history.points, history.pending, history.verdict) == (0, False, HistoryVerdict.INSUFFICIENT_DATA)
    measured(database, noisy(1), NOON + HOUR * 3, taints=[{"rule": "busy_neighbours"}])
    judge(database)
    assert not the_history(database).pending


def test_a_schedule_that_watches_no_more_takes_back_its_own_watch(database: Database) -> None:
    schedule_id = scheduled(database, watch={"confirm_runs": 0})

    def fire(number: int) -> None:
        (run_id,) = measured(database, noisy(1), NOON + number * HOUR)
        fired(database, schedule_id, run_id, NOON + number * HOUR)
        judge(database)

    fire(0)
    history = the_history(database)
    assert (history.watched_by, history.watch is not None) == (schedule_id, True)
    with database.write() as session:
        asked = schedules.read(schedules.get(session, schedule_id)).model_copy(update={"watch": None})
        schedules.replace(session, schedule_id, asked, NOON)
    fire(1)
    history = the_history(database)
    assert (history.watched_by, history.watch, history.pending) == (None, None, False)
    watch(database)
    fire(2)
    assert the_history(database).watch is not None


def test_a_confirmation_of_a_metric_that_is_watched_no_more_comes_to_its_end(database: Database) -> None:
    """Nothing says any more in which direction the metric improves; the scheduler must not die of that."""
    with database.write() as session:
        builders.register(session, NOON)
    for number in range(BEFORE + 4):
        at = NOON + number * HOUR
        with database.write() as session:
            run = builders.submit(session, at, **BENCHMARK)
        end(database, run, at, figures(100.0, images=5.0 if number < BEFORE else 4.0))
    judge(database)
    watch(database, metrics={"images": {"better": "higher"}}, confirm_runs=1)
    judge(database)
    with database.write() as session:
        watching.set_by_hand(session.scalars(select(HistoryRow)).one(), None)
    confirm(database, 100.0, LATER)
    (confirmation,) = rows(database, ConfirmationRow)
    assert confirmation.state is ConfirmationState.UNDECIDED
