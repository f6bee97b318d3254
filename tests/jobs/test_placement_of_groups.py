"""Runs that are measured together get one device in one step or wait; and nobody waits forever, whatever else comes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migperf.gpus.gpu import Gpu
from migperf.gpus.inventory import discover, partitions_of
from migperf.gpus.layout import Layout
from migperf.gpus.partition import Partition, PartitionKind
from migperf.gpus.selector import Selector
from migperf.gpus.shares import divide
from migperf.gpus.sharing import Sharing
from migperf.gpus.simulation.driver import open_in_memory
from migperf.jobs.placement import Free, Match, Offer, OfferedGpu, Together, Waiting, can_be_shared, match
from tests.builders import partition

OFF, HALVES, UNCUT = (Layout.parse(text) for text in ("off", "2x3g.40gb", "7g.80gb"))
NODES = ("a", "b")
FIRST, SECOND, SIMULATED, STAND_IN = discover(open_in_memory(["h100-80gb"] * 4), offer_cpu=False).gpus
FIRST, SECOND = (gpu.model_copy(update={"simulated": False}) for gpu in (FIRST, SECOND))
BOARDS = ((FIRST, "a"), (SECOND, "b"), (SIMULATED, "b"))
CPUS = tuple(Free(partition(f"CPU-{node}", cpus=(0, 1, 2, 3)), node) for node in NODES)


def whole(gpu: Gpu) -> Partition:
    (one,) = partitions_of(gpu)
    return one


def halves(gpu: Gpu) -> tuple[Partition, ...]:
    cut = {"kind": PartitionKind.MIG, "profile": "3g.40gb"}
    return tuple(whole(gpu).model_copy(update={"uuid": f"MIG-{gpu.uuid}-{i}", **cut}) for i in range(2))


def group(name: str, runs: int, where: Selector, sharing: str = "time_slicing", shares: int | None = None) -> Together:
    return Together(tuple(Waiting(f"{name}.{i}", where) for i in range(runs)), Sharing(mode=sharing), shares or runs)


def cut_for(name: str, runs: int, where: Selector, layout: Layout = HALVES) -> Together:
    return Together(tuple(Waiting(f"{name}.{i}", where, layout) for i in range(runs)), None, runs)


def run_ids(waiting: Waiting | Together) -> list[str]:
    return [run.run_id for run in waiting.runs] if isinstance(waiting, Together) else [waiting.run_id]


ANYWHERE = st.builds(
    Selector,
    kind=st.none() | st.sampled_from([PartitionKind.CPU, PartitionKind.GPU]),
    node=st.none() | st.sampled_from(NODES),
    simulated=st.booleans(),
)
SHARINGS = st.sampled_from(["time_slicing", "mps", "pinned", "unrestricted"])


@st.composite
def queues(draw: st.DrawFn) -> list[Waiting | Together]:
    """Draw runs that wait: alone, with a layout of their own, and together in both ways."""
    waiting: list[Waiting | Together] = []
    for number in range(draw(st.integers(2, 7))):
        name, where, runs = str(number), draw(ANYWHERE), draw(st.integers(1, 4))
        waiting.append(
            draw(
                st.sampled_from(
                    [
                        Waiting(name, where),
                        Waiting(name, where, HALVES),
                        cut_for(name, runs, where),
                        group(name, runs, where, draw(SHARINGS), draw(st.integers(runs, 4))),
                    ]
                )
            )
        )
    return waiting


@st.composite
def offers(draw: st.DrawFn, simulated: bool = True) -> Offer:
    """Draw a fleet that is as it can be: the CPU of a host is not held beside a simulated GPU of it."""
    places: list[tuple[Free, bool]] = []
    gpus = []
    for gpu, node in BOARDS if simulated else BOARDS[:2]:
        parts = draw(st.sampled_from([(whole(gpu),), halves(gpu)]))
        held = frozenset(part.uuid for part in parts if draw(st.booleans()))
        places += [(Free(part, node), part.uuid in held) for part in parts]
        gpus.append(
            OfferedGpu(
                gpu=gpu,
                node=node,
                held=held,
                closed=gpu.uuid in held or draw(st.sampled_from([False, False, False, True])),
                restore=draw(st.sampled_from([None, None, None, OFF, HALVES])),
            )
        )
    used = {offered.node for offered in gpus if offered.gpu.simulated and (offered.held or offered.closed)}
    places += [(cpu, cpu.node not in used and draw(st.booleans())) for cpu in CPUS]
    return Offer(
        free=tuple(place for place, held in places if not held),
        held=tuple(place for place, held in places if held),
        gpus=tuple(gpus),
    )


def got(queue: Sequence[Waiting | Together], offer: Offer) -> dict[str, Match]:
    matches = list(match(queue, offer))
    assert len({found.run_id for found in matches}) == len(matches), "a run is placed once"
    return {found.run_id: found for found in matches}


def placed(queue: Sequence[Waiting | Together], given: dict[str, Match]) -> Iterator[tuple[Together, list[Match]]]:
    for waiting in queue:
        if isinstance(waiting, Together) and (found := [given[run] for run in run_ids(waiting) if run in given]):
            yield waiting, found


def device_of(found: Match) -> str:
    if found.gpu is not None:
        return found.gpu.uuid
    assert found.partition is not None
    return found.device or found.partition.gpu_uuid or found.partition.uuid


@settings(deadline=None)
@given(queues(), offers())
def test_all_runs_of_a_group_are_placed_or_none(queue: list[Waiting | Together], offer: Offer) -> None:
    given = got(queue, offer)
    for waiting, found in placed(queue, given):
        assert [one.run_id for one in found] == run_ids(waiting)


@settings(deadline=None)
@given(queues(), offers())
def test_a_group_has_one_device_and_each_of_its_runs_a_share_of_its_own(
    queue: list[Waiting | Together], offer: Offer
) -> None:
    for waiting, found in placed(queue, got(queue, offer)):
        assert len({(device_of(one), one.node) for one in found}) == 1
        if waiting.layout is not None:
            assert all(one.partition is None and one.gpu is not None for one in found), "cut later, by its worker"
            continue
        device = next(free for free in offer.free if free.partition.uuid == found[0].device)
        assert waiting.runs[0].where.matches(device.partition, device.node)
        parts = divide(device.partition, waiting.sharing, waiting.shares)
        assert [one.partition for one in found] == list(parts[: len(found)])
        assert len({one.partition.uuid for one in found}) == len(found)


@settings(deadline=None)
@given(queues(), offers())
def test_a_device_goes_to_a_group_only_when_nobody_has_any_of_it_and_to_nobody_else_then(
    queue: list[Waiting | Together], offer: Offer
) -> None:
    given = got(queue, offer)
    held = {free.partition.gpu_uuid or free.partition.uuid for free in offer.held}
    closed = {offered.gpu.uuid for offered in offer.gpus if offered.closed}
    for waiting, found in placed(queue, given):
        device = device_of(found[0])
        assert device not in held | closed
        others = [one for run, one in given.items() if run not in run_ids(waiting)]
        assert device not in {device_of(other) for other in others}


@settings(deadline=None)
@given(queues(), offers(), st.data())
def test_a_group_that_no_device_can_be_shared_by_holds_nobody_up(
    queue: list[Waiting | Together], offer: Offer, data: st.DataObject
) -> None:
    impossible = data.draw(
        st.sampled_from(
            [
                group("never", 2, Selector(), "green_context"),
                group("never", 2, Selector(), "whole"),
                group("never", 5, Selector(kind=PartitionKind.CPU), "pinned"),
                group("never", 2, Selector(kind=PartitionKind.MIG)),
                cut_for("never", 2, Selector(), Layout.parse("2x7g.80gb")),
            ]
        )
    )
    at = data.draw(st.integers(0, len(queue)))
    assert got([*queue[:at], impossible, *queue[at:]], offer) == got(queue, offer)


@settings(deadline=None)
@given(queues(), offers())
def test_who_comes_later_takes_nothing_from_those_before(queue: list[Waiting | Together], offer: Offer) -> None:
    first = queue[: len(queue) // 2]
    names = {run for waiting in first for run in run_ids(waiting)}
    assert {run: one for run, one in got(queue, offer).items() if run in names} == got(first, offer)


@settings(deadline=None)
@given(queues(), offers(simulated=False))
def test_a_group_that_is_left_waiting_finds_no_device_that_is_left(
    queue: list[Waiting | Together], offer: Offer
) -> None:
    """Where nothing is kept for somebody else: without layouts, and without simulated GPUs beside a CPU."""
    queue = [one for one in queue if not any(run.layout for run in getattr(one, "runs", (one,)))]
    offer = replace(offer, gpus=tuple(replace(one, restore=None) for one in offer.gpus))
    given = got(queue, offer)
    taken = {device_of(one) for one in given.values()} | {one.gpu.uuid for one in offer.gpus if one.closed}
    left = [
        free
        for free in offer.free
        if free.partition.kind in {PartitionKind.CPU, PartitionKind.GPU} and free.partition.uuid not in taken
    ]
    for waiting in queue:
        if isinstance(waiting, Together) and waiting.runs[0].run_id not in given:
            assert not any(
                waiting.runs[0].where.matches(free.partition, free.node)
                and can_be_shared(free.partition, waiting.sharing, waiting.shares)
                for free in left
            )


def test_the_cpu_is_not_given_while_a_simulated_gpu_is_being_cut_for_a_run() -> None:
    """Such a run holds no partition yet, and will compute on that CPU as soon as it does."""
    cutting = OfferedGpu(gpu=SIMULATED, node="b", closed=True)
    offer = Offer(free=CPUS, gpus=(cutting,))
    queue = [Waiting(f"on {node}", Selector(kind=PartitionKind.CPU, node=node)) for node in NODES]
    assert list(got(queue, offer)) == ["on a"]


@pytest.mark.parametrize("waiting", [Waiting("1", Selector(kind=PartitionKind.GPU)), group("1", 2, Selector())])
def test_who_waits_for_the_earlier_layout_keeps_those_behind_from_cutting_anew(waiting: Waiting | Together) -> None:
    behind = cut_for("2", 2, Selector())
    back = OfferedGpu(gpu=FIRST, node="a", restore=OFF)
    assert got([waiting, behind], Offer(gpus=(back,))) == {}
    assert list(got([behind, waiting], Offer(gpus=(back,)))) == ["2.0", "2.1"], "in their order"
    cut = replace(back, restore=HALVES)
    assert list(got([waiting, behind], Offer(gpus=(cut,)))) == ["2.0", "2.1"], "that layout has no whole GPU"


@dataclass
class Host:
    """A host through time: its CPU, simulated GPUs, and a real one that runs have cut otherwise than it is as a rule.

    Passes decide who gets what; the rest does what service and workers do: what ends is free again, and the layout that
    the GPU has as a rule is put back when nobody holds any of it.
    """

    rule: Layout
    other: Layout
    queue: list[Waiting | Together] = field(default_factory=list)
    now: int = 0
    _holding: list[tuple[int, Match]] = field(default_factory=list)
    _is_cut_otherwise: bool = False
    _change_waits: bool = False
    _changing: bool = False

    def pass_time(self, lasting: int) -> None:
        """Let what is over end, then have one pass; what that places lasts so many passes."""
        self.now += 1
        self._holding = [(until, held) for until, held in self._holding if until > self.now]
        if self._changing:
            self._changing = self._is_cut_otherwise = False
        shut = {FIRST.uuid} if self._change_waits else set()
        if self._change_waits and not self._is_held:
            self._change_waits, self._changing = False, True
        given = list(match(list(self.queue), self._offer(), shut))
        names = {found.run_id for found in given}
        self._holding += [(self.now + lasting, found) for found in given]
        self._is_cut_otherwise |= any(found.gpu is not None for found in given)
        self.queue = [waiting for waiting in self.queue if not names & set(run_ids(waiting))]
        self._change_waits |= self._is_cut_otherwise and not self._is_held and not self._changing

    @property
    def _is_held(self) -> bool:
        return any(device_of(held) == FIRST.uuid for _, held in self._holding)

    def _offer(self) -> Offer:
        layout = self.other if self._is_cut_otherwise else self.rule
        parts = self._parts(layout)
        places = (*(Free(part, "b") for part in (*parts, whole(SIMULATED), whole(STAND_IN))), CPUS[1])
        alone = {held.device or (held.gpu and held.gpu.uuid) for _, held in self._holding}
        taken = alone | {held.partition.uuid for _, held in self._holding if held.partition is not None}
        on_gpu = frozenset(part.uuid for part in parts if part.uuid in taken)
        first = OfferedGpu(
            gpu=FIRST,
            node="b",
            held=on_gpu,
            closed=self._changing or FIRST.uuid in taken,
            restore=self.rule if self._is_cut_otherwise else None,
        )
        others = (OfferedGpu(gpu=gpu, node="b", closed=gpu.uuid in taken) for gpu in (SIMULATED, STAND_IN))
        return Offer(
            free=tuple(place for place in places if place.partition.uuid not in taken),
            held=tuple(place for place in places if place.partition.uuid in taken),
            gpus=(first, *others),
        )

    def _parts(self, layout: Layout) -> tuple[Partition, ...]:
        if not layout.mig:
            return (whole(FIRST),)
        parts = halves(FIRST)[: len(layout.partition_profiles)]
        return tuple(one.model_copy(update={"profile": layout.partition_profiles[0]}) for one in parts)


ON_CPU, ON_GPU, ON_SLICE = (Selector(kind=kind) for kind in (PartitionKind.CPU, PartitionKind.GPU, PartitionKind.MIG))
ON_SIMULATED = Selector(simulated=True, kind=PartitionKind.GPU)
COMMON = {
    "anything": lambda name, _: Waiting(name, Selector()),
    "cpu": lambda name, _: Waiting(name, ON_CPU),
    "simulated": lambda name, _: Waiting(name, ON_SIMULATED),
    "cut": lambda name, other: Waiting(name, ON_SLICE, other),
    "cut together": lambda name, other: cut_for(name, len(other.partition_profiles), ON_SLICE, other),
    "cpu together": lambda name, _: group(name, 2, ON_CPU, "pinned"),
    "simulated together": lambda name, _: group(name, 3, ON_SIMULATED),
}
WHOLE = {
    "gpu": lambda name, _: Waiting(name, ON_GPU),
    "gpu together": lambda name, _: group(name, 2, ON_GPU, "mps"),
}
CUT = {"slice": lambda name, _: Waiting(name, Selector(kind=PartitionKind.MIG, profile="3g.40gb"))}
HOSTS = {"whole": (OFF, HALVES, COMMON | WHOLE), "cut": (HALVES, UNCUT, COMMON | CUT)}
LONGEST, AT_LAST = 3, 60
"""Passes that a run lasts, and within which it must have been placed: those before it one by one, and some to spare."""


@pytest.mark.no_cover
@pytest.mark.parametrize("kind", HOSTS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_nobody_waits_forever_while_others_keep_coming(kind: str, data: st.DataObject) -> None:
    """Whoever is watched has a few before it; then the same crowd, of two kinds at most, comes again and again."""
    rule, other, kinds = HOSTS[kind]
    host, number = Host(rule, other), count()
    wanted = st.sampled_from(sorted(kinds))
    of_crowd = st.sampled_from(data.draw(st.lists(wanted, min_size=1, max_size=2, unique=True), label="kinds"))
    crowd = data.draw(st.lists(st.lists(of_crowd, max_size=2), min_size=1, max_size=4), label="crowd")
    lasting = data.draw(st.lists(st.integers(1, LONGEST), min_size=1, max_size=3), label="lasting")
    watched = kinds[data.draw(wanted, label="watched")]("watched", other)

    def come(turn: int) -> None:
        host.queue += [kinds[one](f"{next(number)}", other) for one in crowd[turn % len(crowd)]]
        host.pass_time(lasting[turn % len(lasting)])

    for turn in range(4):
        come(turn)
    host.queue.append(watched)
    for turn in range(4, 4 + AT_LAST):
        come(turn)
        if watched not in host.queue:
            return
    raise AssertionError(f"still waiting after {AT_LAST} passes, behind {len(host.queue)} in the queue")
