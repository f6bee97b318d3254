"""Counting cells and repeats in the database comes to what counting them by hand does, in two statements for a page."""

import random
from collections import Counter

from migperf.store import experiments
from migperf.store.database import Database
from migperf.store.experiment_counts import Counts, counts, counts_of
from migperf.store.models import GroupRow, Run
from migperf.store.states import GroupState, RunState
from tests.analysis.experiments.made_experiments import Coordinates, Ending, cell, made
from tests.databases import counted_statements

ENDINGS = (RunState.SUCCEEDED, RunState.DOES_NOT_FIT, RunState.FAILED, RunState.TIMED_OUT, None)


def at_random(seed: int, cells: int, database: Database) -> str:
    """Store an experiment whose runs end at random, some tried again, some left in the queue; return its id."""
    chance = random.Random(seed)
    left: set[str] = set()

    def told(run: Run, group: GroupRow, coordinates: Coordinates) -> Ending | None:
        state = None if run.id in left else chance.choice(ENDINGS)
        if state is None:
            left.add(run.id)
            return None
        return Ending(state=state)

    skipped = [cell(skipped="too large", number=-1), cell(skipped="too small", number=-2)]
    made_cells = [*(cell(number=number) for number in range(cells)), *skipped[: seed % 3]]
    return made(database, made_cells, told, repeats=3, retry_failed=2)


def by_hand(database: Database, experiment_id: str) -> Counts:
    with database.read() as session:
        cells = experiments.get(session, experiment_id).cells
        states = Counter(group.state for group in experiments.last_attempts(session, experiment_id))
    return Counts(cells=len(cells), skipped_cells=sum(c.skipped is not None for c in cells), repeats=states)


def test_the_database_counts_as_one_would_by_hand(database: Database) -> None:
    ids = [at_random(seed, cells, database) for seed, cells in enumerate((4, 2, 3))]
    with database.read() as session:
        assert counts_of(session, ids) == {one: by_hand(database, one) for one in ids}
        assert counts(session, ids[1]) == by_hand(database, ids[1])
        attempts = {group.attempt for one in ids for group in experiments.groups_of(session, one)}
    assert attempts == {1, 2, 3}, "some repeats were tried again, or this shows nothing"


def test_an_experiment_without_groups_has_no_repeats(database: Database) -> None:
    only_skipped = made(database, [cell(skipped="too large")], lambda *_: None)
    with database.read() as session:
        assert counts(session, only_skipped) == Counts(cells=1, skipped_cells=1, repeats={})
        assert counts(session, "nothing") == Counts()


def test_states_come_in_one_order_whatever_ended_first(database: Database) -> None:
    states = iter((RunState.FAILED, RunState.SUCCEEDED))
    experiment_id = made(database, [cell(), cell()], lambda *_: Ending(state=next(states)))
    with database.read() as session:
        assert list(counts(session, experiment_id).repeats) == [GroupState.SUCCEEDED, GroupState.FAILED]


def test_many_experiments_are_counted_in_two_statements(database: Database) -> None:
    ids = [made(database, [cell()], lambda *_: None) for _ in range(5)]
    with database.read() as session, counted_statements(database) as seen:
        counts_of(session, ids)
    assert len(seen) == 2
