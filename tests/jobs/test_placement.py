"""Matching runs to partitions: in order, at most one each, only where the selector allows, and nobody is starved."""

from hypothesis import given
from hypothesis import strategies as st

from migperf.gpus.inventory import discover
from migperf.gpus.layout import Layout
from migperf.gpus.partition import PartitionKind
from migperf.gpus.selector import Selector
from migperf.gpus.simulation.driver import open_in_memory
from migperf.jobs.placement import Free, Match, Offer, OfferedGpu, Waiting, match
from tests.builders import partition

KINDS = st.sampled_from([PartitionKind.CPU, PartitionKind.MIG])
PROFILES = st.sampled_from([None, "1g.10gb", "3g.40gb"])
SELECTORS = st.builds(Selector, kind=st.none() | KINDS, profile=PROFILES)
WAITING = st.lists(SELECTORS, max_size=8).map(lambda wheres: [Waiting(str(i), w) for i, w in enumerate(wheres)])
FREE = st.lists(st.tuples(KINDS, PROFILES), max_size=6).map(
    lambda given: [Free(partition(str(i), kind, profile=profile), "n") for i, (kind, profile) in enumerate(given)]
)
A100, H100, L40S = (
    gpu.model_copy(update={"simulated": False})
    for gpu in discover(open_in_memory(["a100-80gb", "h100-80gb", "l40s-48gb"])).gpus
)
HALVES = Layout.parse("2x3g.40gb")
OFF = Layout.parse("off")


def matched(waiting: list[Waiting], free: list[Free]) -> list[Match]:
    return list(match(waiting, Offer(free=tuple(free))))


@given(WAITING, FREE)
def test_every_match_is_allowed_and_nothing_is_matched_twice(waiting: list[Waiting], free: list[Free]) -> None:
    where = {run.run_id: run.where for run in waiting}
    matches = matched(waiting, free)
    assert all(where[m.run_id].matches(m.partition, m.node) for m in matches)
    assert len({m.run_id for m in matches}) == len({m.partition.uuid for m in matches}) == len(matches)


@given(WAITING, FREE)
def test_a_run_left_waiting_fits_nothing_that_is_left(waiting: list[Waiting], free: list[Free]) -> None:
    matches = matched(waiting, free)
    left = [f for f in free if f.partition.uuid not in {m.partition.uuid for m in matches}]
    for run in waiting:
        if run.run_id not in {m.run_id for m in matches}:
            assert not any(run.where.matches(f.partition, f.node) for f in left)


@given(WAITING, FREE)
def test_runs_further_back_take_nothing_from_those_before(waiting: list[Waiting], free: list[Free]) -> None:
    first = waiting[: len(waiting) // 2]
    alone = matched(first, free)
    assert [m for m in matched(waiting, free) if m.run_id in {run.run_id for run in first}] == alone


def slices(gpu_uuid: str, *uuids: str) -> tuple[Free, ...]:
    return tuple(Free(partition(uuid, PartitionKind.MIG, gpu_uuid=gpu_uuid), "n") for uuid in uuids)


def plain(run_id: str) -> Waiting:
    return Waiting(run_id, Selector())


def with_layout(run_id: str) -> Waiting:
    return Waiting(run_id, Selector(), HALVES)


def got(matches: list[Match]) -> list[tuple[str, str]]:
    return [(m.run_id, m.gpu.uuid if m.partition is None else m.partition.uuid) for m in matches]


def test_a_run_with_a_layout_gets_an_idle_gpu_that_can_be_cut_so_and_nothing_else_is_put_there() -> None:
    offer = Offer(
        free=slices(H100.uuid, "a", "b"),
        gpus=(OfferedGpu(gpu=L40S, node="n"), OfferedGpu(gpu=A100, node="n"), OfferedGpu(gpu=H100, node="n")),
    )
    # The L40S has no MIG, and the A100 needs a reset to turn it on.
    assert got(list(match([with_layout("1"), plain("2")], offer))) == [("1", H100.uuid)]


def test_a_gpu_that_a_run_waits_for_is_drained_but_runs_before_it_are_served() -> None:
    busy = OfferedGpu(gpu=H100, node="n", held=frozenset({"a"}))
    offer = Offer(free=slices(H100.uuid, "b", "c"), gpus=(busy,))
    assert got(list(match([plain("1"), with_layout("2"), plain("3")], offer))) == [("1", "b")]


def test_a_gpu_taken_whole_or_waiting_to_be_restored_takes_no_plain_run() -> None:
    for state in ({"closed": True}, {"restore": OFF}):
        offer = Offer(free=slices(H100.uuid, "a"), gpus=(OfferedGpu(gpu=H100, node="n", **state),))
        assert got(list(match([plain("1")], offer))) == []
    restoring = Offer(gpus=(OfferedGpu(gpu=H100, node="n", restore=OFF),))
    assert got(list(match([with_layout("1")], restoring))) == [("1", H100.uuid)], "what cuts it anew need not wait"


def test_a_gpu_that_is_shut_is_given_to_nobody() -> None:
    offer = Offer(free=slices(H100.uuid, "a"), gpus=(OfferedGpu(gpu=H100, node="n"),))
    assert got(list(match([plain("1"), with_layout("2")], offer, shut=[H100.uuid]))) == []


CPU = Free(partition("CPU-1"), "n")
STAND_IN = Free(partition("MIG-s", PartitionKind.MIG, simulated=True), "n")
ON_SIMULATED = Selector(simulated=True)


def test_the_cpu_of_a_host_is_measured_alone() -> None:
    both = [plain("cpu"), Waiting("simulated", ON_SIMULATED)]
    assert got(list(match(both, Offer(free=(CPU, STAND_IN))))) == [("cpu", "CPU-1")]
    assert got(list(match(both, Offer(free=(CPU,), held=(STAND_IN,))))) == []
    elsewhere = Free(CPU.partition, "another host")
    assert got(list(match(both, Offer(free=(elsewhere,), held=(STAND_IN,))))) == [("cpu", "CPU-1")]


def test_a_run_that_waits_for_the_cpu_is_not_starved_by_simulated_ones() -> None:
    more = Free(partition("MIG-t", PartitionKind.MIG, simulated=True), "n")
    behind = [plain("cpu"), Waiting("simulated", ON_SIMULATED)]
    assert got(list(match(behind, Offer(free=(CPU, more), held=(STAND_IN,))))) == []


def test_a_run_that_names_no_conditions_never_gets_something_simulated() -> None:
    assert got(list(match([plain("1")], Offer(free=(STAND_IN,))))) == []
