"""Whatever is asked for, fails, boots or changes its mode: a GPU is cut as it was or as wanted, and no lease is broken.

A hypothesis state machine drives the controller and a simulated host. Any call of the driver may fail at any time.
"""

from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from migperf.errors import MigperfError
from migperf.gpus.controller import ChangeFailedError, Controller, GpuBusyError, LayoutBrokenError
from migperf.gpus.gpu import Gpu
from migperf.gpus.inventory import discover, find_gpu, partitions_of
from migperf.gpus.layout import InstanceSpec, Layout
from migperf.gpus.nvml_errors import NvmlError
from migperf.gpus.plan import LayoutImpossibleError
from migperf.gpus.simulation.driver import open_in_memory
from tests.gpus.faults import FaultyDriver

BOARDS = st.sampled_from(["a30-24gb", "a100-40gb", "h100-80gb", "rtx-pro-6000-96gb"])
CALLS_OF_A_CHANGE = 300
SOME_CALLS = st.sets(st.integers(0, CALLS_OF_A_CHANGE), min_size=1, max_size=2)
EVERY_CALL_FROM = st.integers(20, 200).map(lambda first: range(first, 100_000))
FAULTS = st.one_of(st.just(()), st.just(()), SOME_CALLS, EVERY_CALL_FROM)
CODES = st.sampled_from([1, 10, 15, 19, 20, 23, 999])
"""Failures. NOT_SUPPORTED, INVALID_ARGUMENT and NO_PERMISSION are answers: a driver that gives them wrongly cannot be
told from one that is right."""
COMPUTE = st.none() | st.lists(st.integers(1, 3), max_size=2).map(lambda s: tuple(sorted(s, reverse=True)))


class ControllerMachine(RuleBasedStateMachine):
    """One GPU, its controller, runs that hold its partitions, and programs that use them."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.held: dict[str, str] = {}
        self.used: dict[int, str] = {}
        self.pids = iter(range(1000, 100_000))

    @initialize(board=BOARDS, mig=st.sampled_from([True, True, False]))
    def a_host_starts(self, board: str, mig: bool) -> None:
        self.driver = open_in_memory([board])
        self.device = self.driver.device_by_index(0)
        self.uuid = self.driver.uuid(self.device)
        self.lock = FileLock(Path(self.folder.name) / "lock")
        self.full = full_layouts(board)
        if mig:
            self.driver.set_mig_mode(self.device, enabled=True)
            self.driver.reset(self.device)

    def teardown(self) -> None:
        self.folder.cleanup()

    @property
    def gpu(self) -> Gpu:
        return find_gpu(self.driver, self.uuid)

    @property
    def partitions(self) -> list[str]:
        return [partition.uuid for partition in partitions_of(self.gpu)]

    def controller(self, faults: object, code: int) -> Controller:
        driver = FaultyDriver(self.driver, faults, code)
        return Controller(driver=driver, lock=self.lock, holders=lambda _gpu: self.held)

    @rule(data=st.data(), faults=FAULTS, code=CODES, force=st.booleans())
    def a_layout_is_applied(self, data: st.DataObject, faults: object, code: int, force: bool) -> None:
        before = self.gpu
        wanted = data.draw(self.layouts(before))
        try:
            change = self.controller(faults, code).apply(self.uuid, wanted, force=force)
        except (LayoutImpossibleError, GpuBusyError, NvmlError):
            assert self.gpu == before, "refused before anything was touched"
        except ChangeFailedError:
            assert self.gpu.layout == before.layout, "undone"
        except LayoutBrokenError as error:
            self.must_be_reported_truly(error, faults)
        else:
            after = self.gpu
            assert after.layout == change.plan.after == change.after.layout
            assert sorted(after.layout.profiles) == sorted(wanted.profiles)
            wished = {(s.profile, s.start) for s in wanted.instances if s.start is not None}
            assert wished <= {(s.profile, s.start) for s in after.layout.instances}

    @rule(enabled=st.booleans(), faults=FAULTS, code=CODES, force=st.booleans())
    def the_mode_is_changed(self, enabled: bool, faults: object, code: int, force: bool) -> None:
        before = self.gpu
        try:
            after = self.controller(faults, code).set_mode(self.uuid, enabled=enabled, force=force)
        except (LayoutImpossibleError, GpuBusyError, NvmlError):
            assert self.gpu == before
        except ChangeFailedError:
            assert self.gpu.layout == before.layout
        except LayoutBrokenError as error:
            self.must_be_reported_truly(error, faults)
        else:
            assert after.layout == self.gpu.layout
            assert after.mig == self.gpu.mig
            assert after.mig.pending == enabled
            assert after.mig.enabled == enabled or not after.mig.resetless

    def must_be_reported_truly(self, error: LayoutBrokenError, faults: object) -> None:
        assert isinstance(faults, range), "a driver that fails once or twice lets the change be undone"
        assert error.actual is None or error.actual.layout == self.gpu.layout
        assert str(self.gpu.layout) in str(error) or error.actual is None

    @precondition(lambda self: self.partitions)
    @rule(data=st.data())
    def a_run_begins(self, data: st.DataObject) -> None:
        uuid = data.draw(st.sampled_from(self.partitions))
        self.held[uuid] = f"run on {uuid}"

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def a_run_ends(self, data: st.DataObject) -> None:
        del self.held[data.draw(st.sampled_from(sorted(self.held)))]

    @precondition(lambda self: self.partitions)
    @rule(data=st.data())
    def a_foreign_program_starts(self, data: st.DataObject) -> None:
        uuid, pid = data.draw(st.sampled_from(self.partitions)), next(self.pids)
        self.driver.add_process(pid, "foreign", uuid, 1 << 20)
        self.used[pid] = uuid

    @precondition(lambda self: self.used)
    @rule()
    def every_foreign_program_ends(self) -> None:
        for pid, uuid in self.used.items():
            self.driver.end_process(pid)
            assert uuid in self.partitions, "what a process uses is never destroyed"
        self.used.clear()

    @precondition(lambda self: not self.held)
    @rule()
    def the_host_boots(self) -> None:
        self.driver.reboot()
        self.used.clear()
        assert self.gpu.instances == ()

    @precondition(lambda self: not self.held and not self.used)
    @rule()
    def the_gpu_is_reset(self) -> None:
        self.driver.reset(self.device)
        assert self.gpu.mig.enabled == self.gpu.mig.pending

    @invariant()
    def no_lease_is_ever_broken(self) -> None:
        if hasattr(self, "driver"):
            assert set(self.held) <= set(self.partitions)

    @invariant()
    def what_there_is_is_always_legal(self) -> None:
        if hasattr(self, "driver") and self.gpu.geometry is not None:
            assert self.gpu.geometry.check(self.gpu.placed) is None

    def layouts(self, gpu: Gpu) -> st.SearchStrategy[Layout]:
        """Layouts of the board's profiles: legal ones for the most part, some with places, some impossible."""
        profiles = sorted(gpu.geometry.by_name)
        spec = st.builds(InstanceSpec, st.sampled_from(profiles), compute=COMPUTE)
        placed = st.sampled_from(gpu.geometry.candidates).map(lambda p: InstanceSpec(p.profile, p.placement.start))
        some = st.lists(spec | placed, max_size=4).map(Layout.of)
        full = st.sampled_from(self.full)
        return st.one_of(full, full, some, st.sampled_from([Layout(), Layout(mig=False)]))


@cache
def full_layouts(board: str) -> list[Layout]:
    """Return the layouts of a board to which nothing can be added, with every place, in any order."""
    geometry = discover(open_in_memory([board])).gpus[0].geometry
    found = list(geometry.maximal_sets())
    Random(0).shuffle(found)
    return [Layout.of(InstanceSpec(p.profile, p.placement.start) for p in placed) for placed in found]


TestControllerMachine = ControllerMachine.TestCase
TestControllerMachine.settings = settings(
    max_examples=100, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.slow
class TestControllerMachineLonger(ControllerMachine.TestCase):
    """The same for longer."""

    settings = settings(
        max_examples=600, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
    )


def test_errors_that_the_machine_does_not_expect_are_not_migperfs() -> None:
    """The machine lets only these through; every one of them is an error that says what to do."""
    for error in (LayoutImpossibleError, GpuBusyError, NvmlError, ChangeFailedError, LayoutBrokenError):
        assert issubclass(error, MigperfError)
