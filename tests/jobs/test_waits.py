"""Why queued runs wait: what is said agrees with what placement does, and names what is in the way."""

from hypothesis import given, settings

from migperf.gpus.partition import PartitionKind
from migperf.gpus.selector import Selector
from migperf.jobs.holders import Situation
from migperf.jobs.placement import Free, Offer, OfferedGpu, Together, Waiting, match
from migperf.jobs.waits import WaitKind, why_waiting
from tests.builders import partition
from tests.jobs.test_placement_of_groups import (
    CPUS,
    FIRST,
    HALVES,
    SECOND,
    SIMULATED,
    UNCUT,
    cut_for,
    group,
    halves,
    offers,
    queues,
    whole,
)

ANY = Selector()
ON_GPU = Selector(kind=PartitionKind.GPU)


def situation(**offer: object) -> Situation:
    """Return an offer in which each held thing is held by a run of its name."""
    offered = Offer(**offer)  # type: ignore[arg-type]
    holders = {held.partition.uuid: f"run on {held.partition.uuid}" for held in offered.held}
    return Situation(offer=offered, holders=holders)


def test_what_nothing_suits_is_told_with_what_there_is_instead() -> None:
    there = situation(free=CPUS)
    wait = why_waiting(Waiting("r", Selector(kind=PartitionKind.MIG)), there, 0)
    assert (wait.kind, wait.holders) == (WaitKind.NOWHERE, ())
    assert wait.reason == "no partition of a living node has kind=mig; there is cpu"
    assert "start one with `migperf worker`" in why_waiting(Waiting("r", ANY), situation(), 0).reason


def test_what_others_hold_is_told_with_who_has_it() -> None:
    there = situation(held=CPUS[:1])
    wait = why_waiting(Waiting("r", ANY), there, 3)
    assert (wait.kind, wait.ahead, wait.holders) == (WaitKind.HELD, 3, ("run on CPU-a",))
    assert wait.reason == "the only place that suits it, a processor on a, is held by another run"
    both = why_waiting(Waiting("r", ANY), situation(held=CPUS), 0)
    assert both.reason == "of 2 places that suit it all are held by other runs"


def test_a_free_place_is_waited_for_by_turns() -> None:
    there = situation(free=CPUS[:1])
    assert "the next placement pass gives it that" in why_waiting(Waiting("r", ANY), there, 0).reason
    assert "unless the run before it" in why_waiting(Waiting("r", ANY), there, 1).reason
    assert "unless one of the 12 runs before it" in why_waiting(Waiting("r", ANY), there, 12).reason
    assert why_waiting(Waiting("r", ANY), there, 12).kind is WaitKind.TURN


def test_a_processor_that_is_measured_alone_is_told_with_the_run_that_uses_it() -> None:
    simulated, cpu = Free(whole(SIMULATED), "b"), CPUS[1]
    there = situation(free=(cpu,), held=(simulated,))
    wait = why_waiting(Waiting("r", Selector(kind=PartitionKind.CPU)), there, 0)
    assert (wait.kind, wait.holders) == (WaitKind.PROCESSOR, (f"run on {SIMULATED.uuid}",))
    assert "the CPU of its host is measured alone" in wait.reason
    there = situation(free=(simulated,), held=(cpu,))
    wait = why_waiting(Waiting("r", Selector(simulated=True)), there, 0)
    assert (wait.kind, wait.holders) == (WaitKind.PROCESSOR, ("run on CPU-b",))


def test_a_gpu_that_is_cut_anew_holds_up_what_would_go_there() -> None:
    for offered, awaited in (
        (OfferedGpu(gpu=FIRST, node="a", closed=True), frozenset[str]()),
        (OfferedGpu(gpu=FIRST, node="a", restore=HALVES), frozenset[str]()),
        (OfferedGpu(gpu=FIRST, node="a"), frozenset({FIRST.uuid})),
    ):
        offer = Offer(free=(Free(whole(FIRST), "a"),), gpus=(offered,))
        wait = why_waiting(Waiting("r", ON_GPU), Situation(offer=offer, holders={}, awaited=awaited), 0)
        assert wait.kind is WaitKind.CHANGING
        assert "is being cut anew, or is to be" in wait.reason


def test_a_run_with_a_layout_waits_for_whoever_has_a_part_of_the_gpu() -> None:
    first, second = halves(FIRST)
    offer = {
        "free": (Free(first, "a"),),
        "held": (Free(second, "a"),),
        "gpus": (OfferedGpu(gpu=FIRST, node="a", held=frozenset({second.uuid})),),
    }
    wait = why_waiting(Waiting("r", ANY, UNCUT), situation(**offer), 0)
    assert (wait.kind, wait.holders) == (WaitKind.HELD, (f"run on {second.uuid}",))
    assert why_waiting(cut_for("g", 2, ANY), situation(**offer), 0).kind is WaitKind.HELD


def test_a_partition_of_a_gpu_that_is_held_whole_is_held_by_that_run() -> None:
    first, second = halves(FIRST)
    offer = Offer(free=(Free(first, "a"), Free(second, "a")), gpus=(OfferedGpu(gpu=FIRST, node="a", closed=True),))
    there = Situation(offer=offer, holders={FIRST.uuid: "the run"})
    assert why_waiting(Waiting("r", ANY), there, 0).holders == ("the run",)


def test_a_group_is_told_that_it_wants_a_whole_device_or_one_that_can_be_shared_so() -> None:
    parts = situation(free=tuple(Free(part, "a") for part in halves(FIRST)))
    assert "a whole GPU or CPU" in why_waiting(group("g", 2, ANY), parts, 0).reason
    few = situation(free=(Free(partition("CPU-c", cpus=(0,)), "c"),))
    assert "2 runs cannot have cores of their own" in why_waiting(group("g", 2, ANY, "pinned"), few, 0).reason
    incomplete = why_waiting(None, few, 2)
    assert (incomplete.kind, incomplete.ahead) == (WaitKind.GROUP, 2)


def test_places_in_different_ways_are_counted_each_for_itself() -> None:
    there = Situation(
        offer=Offer(
            free=(Free(whole(SECOND), "b"),),
            held=(Free(whole(FIRST), "a"),),
            gpus=(OfferedGpu(gpu=FIRST, node="a", closed=True), OfferedGpu(gpu=SECOND, node="b", closed=True)),
        ),
        holders={FIRST.uuid: "the run"},
    )
    wait = why_waiting(Waiting("r", ON_GPU), there, 0)
    assert wait.kind is WaitKind.HELD
    assert wait.reason == "of 2 places that suit it 1 is held by another run, 1 is being cut anew, or is to be"


@settings(deadline=None)
@given(queues(), offers())
def test_a_run_is_said_to_be_free_to_go_exactly_if_placement_would_place_it(
    queue: list[Waiting | Together], offer: Offer
) -> None:
    """Whatever the fleet is like, each run that is alone in the queue is placed, or told what is in its way."""
    there = Situation(offer=offer, holders={})
    for asking in queue:
        wait = why_waiting(asking, there, 0)
        is_placed = bool(list(match([asking], offer)))
        assert (wait.kind is WaitKind.TURN) == is_placed, wait
        assert wait.reason
