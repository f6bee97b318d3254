"""What becomes a point: cells of experiments and company; by how many judges at once; and what schedules hear."""

import threading
from typing import Any

from sqlalchemy import select

from migperf.histories.hardware import HardwareClass
from migperf.histories.regression import ConfirmationState
from migperf.jobs.firing import fire_by_hand
from migperf.jobs.judging import Judge
from migperf.schedules.document import validate
from migperf.schedules.firing import FiringOutcome
from migperf.store import firings, schedules
from migperf.store.database import Database
from migperf.store.firings import NewFiring
from migperf.store.history_tables import ConfirmationRow, HistoryRow, PointRow
from migperf.store.models import AlertRow, FiringRow, GroupRow, Run
from migperf.store.scheduled import checked
from migperf.store.states import RunState
from tests import builders
from tests.analysis.experiments.made_experiments import Coordinates, Ending, alone, cell, figure, made, together
from tests.history_builder import HOUR, NOON, STALE_S, confirm, end, figures, judge, measured, noisy

LATER = NOON + 100 * HOUR


def rows(database: Database, table: Any) -> list[Any]:
    with database.read() as session:
        return list(session.scalars(select(table).order_by(*table.__mapper__.primary_key)).unique())


def test_a_cell_of_an_experiment_is_one_point_between_its_repeats(database: Database) -> None:
    values = iter([100.0, 200.0, 104.0, 208.0, 98.0, 196.0])

    def told(run: Run, group: GroupRow, coordinates: Coordinates) -> Ending:
        return Ending(figures=[figure("latency_p50", next(values))])

    cells = [cell(alone(parameters={"step_ms": ms}), step_ms=ms) for ms in (1, 2)]
    made(database, cells, told, repeats=3)
    judge(database)
    points = sorted(rows(database, PointRow), key=lambda row: row.figures["latency_p50"]["value"])
    assert [row.repeats for row in points] == [3, 3]
    assert len(rows(database, HistoryRow)) == 2
    found = points[0].figures["latency_p50"]
    assert 100 < found["value"] < 101.5
    assert found["low"] < 98, "three repeats tell how much they differ, and no more"


def test_repeats_without_taint_are_taken_where_there_are_any(database: Database) -> None:
    ending = iter([([{"rule": "swapped"}], 500.0), ([], 100.0), ([], 102.0)])

    def told(run: Run, group: GroupRow, coordinates: Coordinates) -> Ending:
        taints, value = next(ending)
        return Ending(figures=[figure("latency_p50", value)], taints=taints)

    made(database, [cell()], told, repeats=3)
    judge(database)
    (point,) = rows(database, PointRow)
    assert (point.repeats, point.taints) == (2, [])
    assert 100 < point.figures["latency_p50"]["value"] < 102


def test_an_experiment_that_goes_on_makes_no_point_yet(database: Database) -> None:
    endings = iter([Ending(figures=[figure("latency_p50", 100.0)]), None, None, None])
    made(database, [cell()], lambda *_: next(endings, None), repeats=2)
    judge(database)
    assert rows(database, PointRow) == []
    assert all(run.history_due for run in rows(database, Run))


def test_what_was_measured_beside_others_is_a_history_of_its_own_and_neighbours_have_none(database: Database) -> None:
    def told(run: Run, group: GroupRow, coordinates: Coordinates) -> Ending:
        return Ending(figures=[figure("latency_p50", 100.0)])

    made(database, [cell(together(1, neighbours=1), number=1), cell(alone(), number=2)], told)
    judge(database)
    classes = [HardwareClass.model_validate(row.hardware) for row in rows(database, HistoryRow)]
    assert sorted(len(one.company) for one in classes) == [0, 1]
    assert [one.role for each in classes for one in each.company] == ["neighbour"]
    assert len(rows(database, PointRow)) == 2


def test_simulated_partitions_enter_no_history(database: Database) -> None:
    simulated = builders.partition("MIG-1", simulated=True)

    def told(run: Run, group: GroupRow, coordinates: Coordinates) -> Ending:
        return Ending(figures=[figure("latency_p50", 100.0)], partition=simulated)

    made(database, [cell()], told)
    judge(database)
    assert rows(database, PointRow) == []


def test_several_judges_make_each_point_once_and_judge_all(database: Database) -> None:
    measured(database, noisy(24))
    problems: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(3):
                Judge(database).step()
        except BaseException as error:  # noqa: BLE001 - told to the test
            problems.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    judge(database)
    (history,) = rows(database, HistoryRow)
    assert (history.points, history.pending) == (24, False)
    assert sorted(row.number for row in rows(database, PointRow)) == list(range(24))


SCHEDULE = {
    "migperf": 1,
    "name": "nightly",
    "cron": "0 2 * * *",
    "benchmark": {"workload": "test-step", "scenario": "train"},
}


def scheduled(database: Database, **more: Any) -> str:
    with database.write() as session:
        builders.register(session, NOON)
        return schedules.add(session, checked(validate(SCHEDULE | more)), NOON).id


def fired(database: Database, schedule_id: str, value_ms: float | None, at: Any = NOON, **told: Any) -> None:
    """Fire, and end the run: with a result, or failed."""
    with database.write() as session:
        builders.register(session, at, environments=told.pop("offered", None))
        row = fire_by_hand(session, schedules.get(session, schedule_id), at, STALE_S)
        run = session.get_one(Run, row.run_id)
    if value_ms is None:
        end(database, run, at, state=RunState.FAILED, reason="it broke\n\nEnd of its log:\nmuch", **told)
    else:
        end(database, run, at, figures(value_ms), **told)
    judge(database)


def test_firings_hear_what_they_measured_and_a_streak_of_nothing_is_told_once(database: Database) -> None:
    schedule_id = scheduled(database)
    for hour, value in enumerate([100.0, None, None, 101.0, None]):
        fired(database, schedule_id, value, NOON + hour * HOUR)
    heard = rows(database, FiringRow)
    assert [row.measured for row in heard] == [1, 0, 0, 1, 0]
    assert heard[1].silence == f"run {heard[1].run_id} ended as failed: it broke"
    told = rows(database, AlertRow)
    assert [alert.title for alert in told] == ["schedule nightly measured nothing"] * 2
    assert [alert.subject for alert in told] == [f"{schedule_id}:{heard[1].id}", f"{schedule_id}:{heard[4].id}"]


def test_a_tainted_result_counts_as_nothing_and_a_skipped_firing_as_neither(database: Database) -> None:
    schedule_id = scheduled(database)
    fired(database, schedule_id, 100.0, taints=[{"rule": "swapped"}])
    with database.write() as session:
        skipped = NewFiring(due_at=NOON + HOUR, outcome=FiringOutcome.SKIPPED, reason="busy")
        missed = NewFiring(due_at=NOON + 2 * HOUR, outcome=FiringOutcome.MISSED, reason="nobody was there")
        for new in (skipped, missed):
            firings.record(session, schedule_id, new, NOON)
    judge(database)
    heard = rows(database, FiringRow)
    assert [(row.measured, row.heard_at is not None) for row in heard] == [(0, True), (None, True), (0, True)]
    assert "tainted (swapped)" in heard[0].silence
    assert heard[2].silence == "nobody was there"
    assert len(rows(database, AlertRow)) == 1


def test_a_schedule_has_the_histories_of_its_runs_watched_as_it_says(database: Database) -> None:
    schedule_id = scheduled(database, watch={"minimum_effect": 0.1, "confirm_runs": 0})
    fired(database, schedule_id, 100.0)
    (history,) = rows(database, HistoryRow)
    assert history.watched_by == schedule_id
    assert history.watch["minimum_effect"] == 0.1
    unwatched = scheduled(database, name="weekly", watch=None)
    fired(database, unwatched, 100.0, NOON + HOUR)
    (history,) = rows(database, HistoryRow)
    assert history.watched_by == schedule_id


def test_the_last_good_version_is_run_by_turns_where_it_is_at_hand(database: Database) -> None:
    """The history changed with torch; the node still offers the torch of before, in which it is as fast as it was."""
    offered = builders.environments("previous")
    previous = offered["previous"].software
    assert previous is not None
    facts = {"python": previous.python, "torch": previous.torch, "migperf_version": previous.migperf_version}
    schedule_id = scheduled(database)
    for number, value in enumerate(noisy(20)):
        fired(database, schedule_id, value, NOON + number * HOUR, environment=facts)
    for number, value in enumerate(noisy(3, 120.0, seed=2)):
        at = NOON + (20 + number) * HOUR
        present = {"previous": offered["previous"]}
        fired(database, schedule_id, value, at, environment=facts | {"torch": "2.14.0"}, offered=present)
    confirm(database, 120.0, LATER, {"previous": 100.0})
    (confirmation,) = rows(database, ConfirmationRow)
    assert (confirmation.state, confirmation.baseline) == (ConfirmationState.CONFIRMED, "previous")
    sides = [(run["side"], run["round"]) for run in confirmation.runs]
    assert sides == [
        ("baseline", 0),
        ("candidate", 0),
        ("candidate", 1),
        ("baseline", 1),
        ("baseline", 2),
        ("candidate", 2),
    ]
    (alert,) = rows(database, AlertRow)
    assert "by turns with the last good version" in alert.text
