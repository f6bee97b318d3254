"""Matching runs to partitions: in order, at most one each, only where the selector allows, and nobody is starved."""

from hypothesis import given
from hypothesis import strategies as st

from migperf.gpus.partition import PartitionKind
from migperf.gpus.selector import Selector
from migperf.jobs.placement import Free, Waiting, match
from tests.builders import partition

KINDS = st.sampled_from([PartitionKind.CPU, PartitionKind.MIG])
PROFILES = st.sampled_from([None, "1g.10gb", "3g.40gb"])
SELECTORS = st.builds(Selector, kind=st.none() | KINDS, profile=PROFILES)
WAITING = st.lists(SELECTORS, max_size=8).map(lambda wheres: [Waiting(str(i), w) for i, w in enumerate(wheres)])
FREE = st.lists(st.tuples(KINDS, PROFILES), max_size=6).map(
    lambda given: [Free(partition(str(i), kind, profile=profile), "n") for i, (kind, profile) in enumerate(given)]
)


@given(WAITING, FREE)
def test_every_match_is_allowed_and_nothing_is_matched_twice(waiting: list[Waiting], free: list[Free]) -> None:
    where = {run.run_id: run.where for run in waiting}
    matches = list(match(waiting, free))
    assert all(where[m.run_id].matches(m.free.partition, m.free.node) for m in matches)
    assert len({m.run_id for m in matches}) == len({m.free.partition.uuid for m in matches}) == len(matches)


@given(WAITING, FREE)
def test_a_run_left_waiting_fits_nothing_that_is_left(waiting: list[Waiting], free: list[Free]) -> None:
    matches = list(match(waiting, free))
    left = [f for f in free if f.partition.uuid not in {m.free.partition.uuid for m in matches}]
    for run in waiting:
        if run.run_id not in {m.run_id for m in matches}:
            assert not any(run.where.matches(f.partition, f.node) for f in left)


@given(WAITING, FREE)
def test_runs_further_back_take_nothing_from_those_before(waiting: list[Waiting], free: list[Free]) -> None:
    first = waiting[: len(waiting) // 2]
    alone = list(match(first, free))
    assert [m for m in match(waiting, free) if m.run_id in {run.run_id for run in first}] == alone
