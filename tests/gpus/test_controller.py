"""The controller cuts a GPU as wanted with as little destruction as possible, or leaves it as it was and says why."""

import threading
from pathlib import Path

import pytest
from filelock import FileLock

from migperf.gpus import controller as controller_module
from migperf.gpus.controller import (
    ChangeFailedError,
    Controller,
    GpuBusyError,
    LayoutBrokenError,
    LayoutLockedError,
)
from migperf.gpus.layout import Layout
from migperf.gpus.nvml_errors import NvmlError, NvmlInUseError, NvmlNotFoundError
from migperf.gpus.perform import perform
from migperf.gpus.plan import DestroyCompute, LayoutImpossibleError
from migperf.gpus.planning import make_plan
from tests.gpus.faults import FaultyDriver
from tests.gpus.host import Host


@pytest.fixture
def h100(tmp_path: Path) -> Host:
    return Host("h100-80gb", tmp_path)


@pytest.fixture
def a100(tmp_path: Path) -> Host:
    host = Host("a100-80gb", tmp_path)
    host.controller().set_mode(host.uuid, enabled=True)
    host.driver.reset(host.driver.device_by_index(0))
    return host


def test_a_gpu_is_cut_as_wanted_and_only_once(h100: Host) -> None:
    assert h100.layout == "off"
    assert h100.apply("3g.40gb+2x2g.20gb").changed
    assert str(h100.gpu.layout.without_places()) == "3g.40gb+2x2g.20gb"
    before = h100.partitions
    assert not h100.apply("2g.20gb+3g.40gb+2g.20gb").changed, "the same layout in other words"
    assert h100.partitions == before


def test_only_what_must_go_is_destroyed(h100: Host) -> None:
    h100.apply("3g.40gb@4+2g.20gb@0+1g.10gb@2")
    three = h100.partitions["3g.40gb@4"]
    h100.apply("3g.40gb+4x1g.10gb")
    assert h100.partitions["3g.40gb@4"] == three
    h100.apply("3g.40gb@0+3g.40gb@4")
    assert h100.partitions["3g.40gb@4"] == three, "it is where it is wanted; the other is made beside it"


def test_busy_instances_stay_where_idle_ones_could_as_well(h100: Host) -> None:
    h100.apply("3x2g.20gb")
    for name, uuid in h100.partitions.items():
        h100.held = {uuid: "a run"}
        assert uuid not in make_plan(h100.gpu, Layout.parse("2g.20gb"), {uuid}).doomed, name


def test_compute_instances_are_cut_within_an_instance_that_stays(h100: Host) -> None:
    h100.apply("7g.80gb")
    instance_id = h100.gpu.instances[0].id
    h100.apply("7g.80gb(4c+3c)")
    assert h100.layout == "7g.80gb@0(4c+3c)"
    assert h100.gpu.instances[0].id == instance_id
    three = h100.partitions["3c.7g.80gb@0"]
    h100.apply("7g.80gb(3c+2c+2x1c)")
    assert h100.partitions["3c.7g.80gb@0"] == three
    h100.apply("7g.80gb(7c)")
    assert h100.layout == "7g.80gb@0", "one that fills its instance is not worth mentioning"
    h100.apply("7g.80gb()")
    assert h100.partitions == {}
    with pytest.raises(LayoutImpossibleError, match="cannot be cut into compute instances 6c"):
        h100.apply("7g.80gb(6c)")


def test_off_and_empty_are_layouts(h100: Host) -> None:
    h100.apply("3g.40gb")
    h100.apply("empty")
    assert (h100.layout, h100.gpu.mig.enabled) == ("empty", True)
    h100.apply("3g.40gb")
    h100.apply("off")
    assert (h100.layout, h100.gpu.mig.enabled) == ("off", False)


@pytest.mark.parametrize(
    ("layout", "why"),
    [
        ("2x4g.40gb", "at most 1 of 4g.40gb"),
        ("4g.40gb+3g.40gb+1g.10gb", "no place for all of it"),
        ("3g.40gb@2", "can at 0, 4"),
        ("3g.40gb@4+1g.10gb@5", "overlap"),
        ("3g.20gb", "no profile 3g.20gb; it has 1g.10gb"),
    ],
)
def test_illegal_layouts_are_refused_with_the_rule_and_nothing_is_touched(h100: Host, layout: str, why: str) -> None:
    h100.apply("3g.40gb+2g.20gb")
    before = h100.partitions
    with pytest.raises(LayoutImpossibleError, match=why):
        h100.apply(layout)
    assert h100.partitions == before


def test_a_leased_partition_is_never_destroyed_not_even_by_force(h100: Host) -> None:
    h100.apply("3g.40gb@4+2g.20gb@0")
    h100.held = {h100.partitions["3g.40gb@4"]: "0193-run"}
    for force in (False, True):
        with pytest.raises(GpuBusyError, match="run 0193-run holds MIG-"):
            h100.apply("7g.80gb", force=force)
        with pytest.raises(GpuBusyError, match="0193-run"):
            h100.controller().set_mode(h100.uuid, enabled=False, force=force)
    assert h100.apply("3g.40gb+4x1g.10gb").changed, "what nobody holds can go"


def test_foreign_processes_are_named_and_only_they_can_be_overruled(h100: Host) -> None:
    h100.apply("3g.40gb@4+2g.20gb@0")
    used = h100.partitions["3g.40gb@4"]
    h100.driver.add_process(4711, "python train.py", used, 1 << 30)
    with pytest.raises(GpuBusyError, match=rf"process 4711 \(python train.py\) uses {used}"):
        h100.apply("7g.80gb")
    with pytest.raises(ChangeFailedError, match=r"in use.*cut as before"):
        h100.apply("7g.80gb", force=True)
    assert h100.partitions["3g.40gb@4"] == used, "the driver does not destroy what a process uses, so nothing changed"


def test_a_process_on_the_whole_gpu_keeps_mig_from_being_turned_on(h100: Host) -> None:
    h100.driver.add_process(4711, "python", h100.uuid, 1 << 30)
    with pytest.raises(GpuBusyError, match="process 4711"):
        h100.apply("7g.80gb")
    with pytest.raises(ChangeFailedError) as caught:
        h100.apply("7g.80gb", force=True)
    assert isinstance(caught.value.__cause__, NvmlInUseError)
    assert h100.layout == "off"


def test_ampere_turns_mig_on_with_a_reset_and_says_so(tmp_path: Path) -> None:
    host = Host("a100-80gb", tmp_path)
    with pytest.raises(LayoutImpossibleError, match=r"needs a reset to turn MIG on.*`migperf mig enable`"):
        host.apply("7g.80gb")
    mig = host.controller().set_mode(host.uuid, enabled=True).mig
    assert (mig.enabled, mig.pending, mig.resetless) == (False, True, False)
    host.driver.reset(host.driver.device_by_index(0))
    host.apply("7g.80gb")
    host.driver.reboot()
    assert host.layout == "empty", "the mode of Ampere survives a reboot, its layout does not"


def test_hopper_turns_mig_on_at_once_and_forgets_it_at_a_reboot(h100: Host) -> None:
    mig = h100.controller().set_mode(h100.uuid, enabled=True).mig
    assert (mig.enabled, mig.pending, mig.resetless) == (True, True, True)
    h100.driver.reboot()
    assert h100.layout == "off"


def test_turning_mig_off_destroys_every_instance_first(a100: Host) -> None:
    a100.apply("3g.40gb+2g.20gb")
    mig = a100.controller().set_mode(a100.uuid, enabled=False).mig
    assert (mig.enabled, mig.pending) == (True, False)
    assert a100.layout == "empty"
    assert a100.controller().set_mode(a100.uuid, enabled=True).mig.pending, "a change that waits can be taken back"


def test_a_gpu_without_mig_is_refused(tmp_path: Path) -> None:
    host = Host("l40s-48gb", tmp_path)
    assert not host.apply("off").changed
    for change in (lambda: host.apply("1g.10gb"), lambda: host.controller().set_mode(host.uuid, enabled=True)):
        with pytest.raises(LayoutImpossibleError, match="has no MIG"):
            change()


def test_an_unknown_gpu_is_refused(h100: Host) -> None:
    with pytest.raises(NvmlNotFoundError):
        h100.controller().apply("GPU-none", Layout())


@pytest.mark.parametrize("board", ["a100-80gb", "h100-80gb"])
def test_whichever_call_fails_the_gpu_is_cut_as_before_or_as_wanted(board: str, tmp_path: Path) -> None:
    """Fails each call of a change in turn, once: it is then undone, and the error says so."""
    number = 0
    while True:
        host = Host(board, tmp_path)
        host.controller().set_mode(host.uuid, enabled=True)
        if board == "a100-80gb":
            host.driver.reset(host.driver.device_by_index(0))
        host.apply("3g.40gb@4+2g.20gb@0(1c+1c)")
        before, uuids = host.layout, host.partitions
        faulty = FaultyDriver(host.driver, {number})
        try:
            host.controller(faulty).apply(host.uuid, Layout.parse("3g.40gb@0+2g.20gb@4+1g.10gb@6"))
        except ChangeFailedError:
            assert host.layout == before
        except NvmlError:
            assert host.partitions == uuids, "it failed while looking, before anything was touched"
        else:
            break
        number += 1
    assert number > 50, "every call of the change was made to fail"
    assert str(host.gpu.layout) == "3g.40gb@0+2g.20gb@4+1g.10gb@6"


def test_what_cannot_be_undone_is_reported_as_it_is(h100: Host) -> None:
    h100.apply("3g.40gb@4+2g.20gb@0")
    destroyed = FaultyDriver(h100.driver)
    h100.controller(destroyed).plan(h100.uuid, Layout.parse("7g.80gb"))
    steps = len(make_plan(h100.gpu, Layout.parse("7g.80gb")).steps)
    assert steps == 6
    all_from = next(i for i in range(10_000) if i > len(destroyed.calls) + 40)
    faulty = FaultyDriver(h100.driver, range(all_from, 100_000))
    with pytest.raises(LayoutBrokenError, match=r"Putting back .* failed as well") as caught:
        h100.controller(faulty).apply(h100.uuid, Layout.parse("7g.80gb"))
    assert caught.value.actual is None
    assert "cannot be read" in str(caught.value)


class Forgetful(FaultyDriver):
    """A driver that says it destroyed an instance, and did not."""

    def destroy_gpu_instance(self, _instance: object) -> None:
        return


def test_a_driver_that_does_something_else_is_found_out(h100: Host) -> None:
    h100.apply("2g.20gb@4+1g.10gb@0")
    with pytest.raises(ChangeFailedError, match=r"cut 2g\.20gb@4\+1g\.10gb@0\(\) where 2g\.20gb@4 was wanted"):
        h100.controller(Forgetful(h100.driver)).apply(h100.uuid, Layout.parse("2g.20gb@4"))
    assert h100.layout == "2g.20gb@4+1g.10gb@0"


def test_a_change_can_be_abandoned_between_two_steps(h100: Host) -> None:
    h100.apply("3g.40gb@4+2g.20gb@0")
    steps = iter(range(100))

    def abandon() -> None:
        if next(steps) == 3:
            raise ChangeFailedError("the lease was lost")

    controller = Controller(driver=h100.driver, lock=h100.lock, checkpoint=abandon)
    with pytest.raises(ChangeFailedError, match=r"the lease was lost\. It is cut as before: 3g\.40gb@4"):
        controller.apply(h100.uuid, Layout.parse("7g.80gb"))
    assert h100.layout == "3g.40gb@4+2g.20gb@0"


def test_an_instance_that_took_the_place_of_another_is_not_destroyed_for_it(h100: Host) -> None:
    """Ids are given again: what was planned for one instance must not hit the next one with its id."""
    h100.apply("3g.40gb@4")
    plan = make_plan(h100.gpu, Layout())
    (step,) = (step for step in plan.steps if isinstance(step, DestroyCompute))
    h100.apply("empty")
    h100.apply("3g.40gb@4")
    assert h100.gpu.instances[0].id == step.gpu_instance_id
    with pytest.raises(NvmlNotFoundError):
        perform(h100.driver, h100.uuid, step)


def test_changes_of_one_host_take_turns(h100: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller_module, "LOCK_TIMEOUT_S", 0.1)
    with FileLock(h100.lock.lock_file), pytest.raises(LayoutLockedError, match="another program"):
        h100.apply("7g.80gb")
    monkeypatch.setattr(controller_module, "LOCK_TIMEOUT_S", 30.0)
    layouts = ["7g.80gb", "3g.40gb+4g.40gb", "7x1g.10gb", "3x2g.20gb"]
    threads = [threading.Thread(target=_apply_elsewhere, args=(h100, layout)) for layout in layouts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert str(h100.gpu.layout.without_places()) in {str(Layout.parse(layout)) for layout in layouts}


def _apply_elsewhere(host: Host, layout: str) -> None:
    lock = FileLock(host.lock.lock_file)
    Controller(driver=host.driver, lock=lock).apply(host.uuid, Layout.parse(layout))
