"""The queue as a placement pass reads it: in order, groups where their first run stands, with few statements."""

import pytest
from sqlalchemy.orm import Session

from migperf.jobs.placement import Together, Waiting
from migperf.jobs.queue_reader import QueueReader
from migperf.store import experiments, queue, runs
from migperf.store.database import Database
from migperf.store.models import Run
from migperf.store.states import RunState
from tests import builders
from tests.analysis.experiments.made_experiments import NOW, cell, made, together
from tests.databases import counted_statements, query_plan


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "_BATCH", 4)


def waiting(session: Session) -> list[tuple[str, ...]]:
    """Return the runs that are placed in one step, in the order in which they are read."""
    return [
        tuple(run.run_id for run in one.runs) if isinstance(one, Together) else (one.run_id,)
        for one in QueueReader(session).waiting()
    ]


def test_runs_come_by_priority_and_age_and_groups_where_their_first_run_stands(database: Database) -> None:
    with database.write() as session:
        first, second = (builders.submit(session, NOW).id for _ in range(2))
    experiment_id = made(database, [cell(together(2, 1)), cell(), cell(together(3))], lambda *_: None)
    with database.write() as session:
        urgent = builders.submit(session, NOW, priority=5).id
        last = builders.submit(session, NOW, priority=-5).id
    with database.read() as session:
        a, b, c, alone, d, e, f = (run.id for run in experiments.runs_of(session, experiment_id))
        assert waiting(session) == [(urgent,), (first,), (second,), (a, b, c), (alone,), (d, e, f), (last,)]


def test_a_group_one_of_whose_runs_does_not_wait_is_left_out(database: Database) -> None:
    experiment_id = made(database, [cell(together(2)), cell(together(2))], lambda *_: None)
    with database.write() as session:
        one, _, *others = (run.id for run in experiments.runs_of(session, experiment_id))
        runs.request_cancel(session, one, NOW)
    with database.read() as session:
        assert waiting(session) == [tuple(others)]


def test_runs_that_leave_the_queue_while_it_is_read_make_it_skip_no_other(database: Database) -> None:
    with database.write() as session:
        ids = [builders.submit(session, NOW).id for _ in range(13)]
    seen = []
    with database.write() as session:
        for one in QueueReader(session).waiting():
            assert isinstance(one, Waiting)
            seen.append(one.run_id)
            runs.request_cancel(session, one.run_id, NOW)
            session.flush()
    assert seen == ids
    with database.read() as session:
        assert {session.get_one(Run, run_id).state for run_id in ids} == {RunState.CANCELLED}


def test_a_queue_of_groups_takes_two_statements_a_batch_and_what_is_not_wanted_is_not_read(database: Database) -> None:
    made(database, [cell(together(2))], lambda *_: None, repeats=10)
    with database.read() as session:
        with counted_statements(database) as whole:
            assert len(waiting(session)) == 10
        with counted_statements(database) as begun:
            reading = QueueReader(session).waiting()
            next(reading)
            reading.close()
    groups_read = [statement for statement in whole if "shares" in statement]
    assert (len(whole) - len(groups_read), len(groups_read)) == (1, 5)
    assert len(begun) == 2


def test_the_queue_is_read_in_the_order_of_its_index_and_never_sorted(database: Database) -> None:
    """Each pass begins at its head: sorting all that waits would make a long queue slow every second."""
    with database.write() as session:
        builders.submit(session, NOW)
    with database.read() as session:
        plan = query_plan(session, lambda: list(queue.queued(session)), "runs")
    assert "ix_runs_queue" in plan
    assert "SORT" not in plan.upper()
    assert "TEMP B-TREE" not in plan
