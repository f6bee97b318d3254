"""The two models of MIG were written apart: whatever is cut and destroyed in whatever order, they give one answer.

Where they differ, one of them has a rule wrong, and with it every test that builds on it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migperf.gpus.driver import ComputeInstanceHandle, Device, Driver, GpuInstanceHandle
from migperf.gpus.nvml.backend import NvmlLibrary
from migperf.gpus.nvml_errors import NvmlError
from migperf.gpus.placement import Placement
from migperf.gpus.simulation.boards import BOARDS
from tests.gpus.nvml.bench import Bench, LibraryBench, SimulatedBench
from tests.gpus.nvml.mig import profiles

ODD_PLACES = (Placement(1, 2), Placement(7, 1), Placement(12, 3))


@dataclass
class Hand:
    """One of the two backends, and all handles that it gave: dead ones too, which must be refused alike."""

    driver: Driver
    gpu: Device
    instances: list[GpuInstanceHandle] = field(default_factory=list)
    computes: list[ComputeInstanceHandle] = field(default_factory=list)

    def cut(self, profile: int, place: int | None) -> object:
        """Create a GPU instance: at one of the profile's places, at an odd one, or where the driver likes."""
        profile_id = self.profile_ids()[profile % len(self.profile_ids())]
        places = (*self.driver.gpu_instance_placements(self.gpu, profile_id), *ODD_PLACES)
        wanted = None if place is None else places[place % len(places)]
        made = self.driver.create_gpu_instance(self.gpu, profile_id, wanted)
        self.instances.append(made)
        return self.driver.gpu_instance_info(made)

    def cut_compute(self, which: int, profile_id: int, start: int | None) -> object:
        """Create a compute instance in a GPU instance that there is or was."""
        instance = _pick(self.instances, which)
        size = (1, 2, 3, 4, 7)[profile_id % 5]
        wanted = None if start is None else Placement(start, size)
        made = self.driver.create_compute_instance(instance, profile_id, wanted)
        self.computes.append(made)
        info = self.driver.compute_instance_info(made)
        return info.id, info.profile_id, info.placement, self.driver.name(info.device)

    def destroy(self, which: int) -> object:
        """Destroy a GPU instance that there is or was."""
        return self.driver.destroy_gpu_instance(_pick(self.instances, which))

    def destroy_compute(self, which: int) -> object:
        """Destroy a compute instance that there is or was."""
        return self.driver.destroy_compute_instance(_pick(self.computes, which))

    def switch(self, enabled: bool) -> object:
        """Ask for a mode; what comes back is why it is not active."""
        return type(self.driver.set_mig_mode(self.gpu, enabled=enabled))

    def profile_ids(self) -> list[int]:
        return [profile.id for profile in profiles(self.driver, self.gpu)]

    def view(self) -> object:
        """Everything that can be asked about how the GPU is cut."""
        if not self.driver.mig_mode(self.gpu).current:
            return self.driver.mig_mode(self.gpu)
        capacities = [self.driver.gpu_instance_capacity(self.gpu, profile_id) for profile_id in self.profile_ids()]
        devices = [answer(self._device, index) for index in range(self.driver.max_mig_device_count(self.gpu))]
        return capacities, self._instances(), devices

    def _instances(self) -> list[object]:
        handles = (i for profile_id in self.profile_ids() for i in self.driver.gpu_instances(self.gpu, profile_id))
        described = [(self.driver.gpu_instance_info(handle), self._room(handle)) for handle in handles]
        return sorted(described, key=lambda pair: pair[0].id)

    def _room(self, instance: GpuInstanceHandle) -> list[object]:
        return [answer(self.driver.compute_instance_capacity, instance, profile_id) for profile_id in range(9)]

    def _device(self, index: int) -> object:
        device = self.driver.mig_device_by_index(self.gpu, index)
        ids = self.driver.gpu_instance_id_of(device), self.driver.compute_instance_id_of(device)
        return ids, self.driver.name(device), self.driver.mig_attributes(device)


def _pick(handles: Sequence[object], which: int) -> object:
    return handles[which % len(handles)] if handles else None


def answer(call: Callable[..., object], *args: object) -> object:
    """Return what a call answers, or the kind of its error."""
    try:
        return call(*args)
    except NvmlError as error:
        return type(error)


small = st.integers(0, 12)
commands = st.one_of(
    st.tuples(st.just(Hand.cut), small, st.none() | small),
    st.tuples(st.just(Hand.cut_compute), small, st.integers(0, 8), st.none() | st.integers(0, 6)),
    st.tuples(st.just(Hand.cut_compute), small, st.integers(0, 4), st.none()),
    st.tuples(st.just(Hand.destroy), small),
    st.tuples(st.just(Hand.destroy_compute), small),
    st.tuples(st.just(Hand.switch), st.booleans()),
)


def cuttable(bench: Bench) -> Hand:
    """Take a GPU in hand, with MIG on."""
    bench.driver.set_mig_mode(bench.driver.device_by_index(0), enabled=True)
    bench.reset(0)
    return Hand(bench.driver, bench.driver.device_by_index(0))


@pytest.mark.parametrize("board", ["a30-24gb", "a100-80gb", "h100-80gb", "rtx-pro-6000-96gb"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(commands, max_size=25))
def test_both_give_the_same_answers(host, board: str, steps) -> None:
    host.start(board)
    with NvmlLibrary.open() as nvml:
        hands = cuttable(LibraryBench(host, nvml)), cuttable(SimulatedBench([board]))
        for command, *args in steps:
            of_library, of_simulation = (answer(command, hand, *args) for hand in hands)
            assert of_library == of_simulation, command.__name__
            assert hands[0].view() == hands[1].view()


@pytest.mark.parametrize("board", [key for key, board in BOARDS.items() if board.has_mig])
def test_both_cut_every_profile_of_every_board_alike(host, board: str) -> None:
    """Fill the GPU with each profile in turn, and each instance with each compute profile."""
    host.start(board)
    with NvmlLibrary.open() as nvml:
        seen = [list(_fillings(cuttable(bench))) for bench in (LibraryBench(host, nvml), SimulatedBench([board]))]
    assert seen[0] == seen[1]


def _fillings(hand: Hand):
    for profile in range(len(hand.profile_ids())):
        while not isinstance(made := answer(hand.cut, profile, None), type):
            yield made
            for compute_profile in range(9):
                yield answer(hand.cut_compute, -1, compute_profile, None)
        yield hand.view()
        for which in range(len(hand.computes)):
            answer(hand.destroy_compute, which)
        for which in range(len(hand.instances)):
            answer(hand.destroy, which)
