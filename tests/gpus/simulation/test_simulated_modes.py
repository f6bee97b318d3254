"""MIG mode, resets, reboots, and a GPU that falls off the bus."""

import multiprocessing
import threading

import pytest

from migperf.errors import ConflictError
from migperf.gpus.driver import MigMode
from migperf.gpus.nvml_errors import (
    GpuLostError,
    NvmlInUseError,
    NvmlInvalidArgumentError,
    NvmlNoPermissionError,
    NvmlNotFoundError,
    NvmlResetRequiredError,
    NvmlUninitializedError,
)
from migperf.gpus.simulation.driver import SimulatedDriver, open_in_memory
from migperf.gpus.simulation.stores import MemoryStore
from tests.gpus.simulation.hosts import cut, cuttable, fill, mig_device, turn_on

ON, OFF = MigMode(current=True, pending=True), MigMode(current=False, pending=False)
WAITS_TO_BE_ON = MigMode(current=False, pending=True)


def test_on_ampere_a_mode_waits_for_a_reset_and_outlives_a_reboot():
    driver = open_in_memory(["a100-80gb"])
    gpu = driver.device_by_index(0)
    assert isinstance(driver.set_mig_mode(gpu, enabled=True), NvmlResetRequiredError)
    assert driver.mig_mode(gpu) == WAITS_TO_BE_ON
    assert driver.max_mig_device_count(gpu) == 0
    driver.reset(gpu)
    assert driver.mig_mode(gpu) == ON
    cut(driver, gpu, "1g.10gb")
    driver.reboot()
    assert driver.mig_mode(gpu) == ON
    assert driver.gpu_instances(gpu, 19) == ()


def test_on_ampere_a_pending_mode_can_be_taken_back():
    driver = open_in_memory(["a100-80gb"])
    gpu = driver.device_by_index(0)
    driver.set_mig_mode(gpu, enabled=True)
    assert driver.set_mig_mode(gpu, enabled=False) is None
    assert driver.mig_mode(gpu) == OFF


@pytest.mark.parametrize("board", ["h100-80gb", "b200-180gb", "rtx-pro-6000-96gb"])
def test_from_hopper_on_a_mode_is_active_at_once_and_ends_with_a_reboot(board: str):
    driver = open_in_memory([board])
    gpu = driver.device_by_index(0)
    assert driver.set_mig_mode(gpu, enabled=True) is None
    assert driver.mig_mode(gpu) == ON
    driver.reset(gpu)
    assert driver.mig_mode(gpu) == ON
    driver.reboot()
    assert driver.mig_mode(gpu) == OFF


@pytest.mark.parametrize("board", ["a100-80gb", "h100-80gb"])
def test_a_mode_does_not_change_while_a_process_uses_the_gpu(board: str):
    """The call succeeds: what it returns tells that the mode is not active."""
    driver = open_in_memory([board])
    gpu = driver.device_by_index(0)
    driver.add_process(1, "python", driver.uuid(gpu), 0)
    assert isinstance(driver.set_mig_mode(gpu, enabled=True), NvmlInUseError)
    assert driver.mig_mode(gpu) == OFF
    driver.end_process(1)
    driver.set_mig_mode(gpu, enabled=True)
    assert driver.mig_mode(gpu).pending


@pytest.mark.parametrize("board", ["a100-80gb", "h100-80gb"])
def test_mig_does_not_go_off_while_there_are_instances(board: str):
    driver, gpu = cuttable(board)
    instance = cut(driver, gpu, "7g.80gb")
    assert isinstance(driver.set_mig_mode(gpu, enabled=False), NvmlInUseError)
    assert driver.mig_mode(gpu) == ON
    driver.destroy_gpu_instance(instance)
    driver.set_mig_mode(gpu, enabled=False)
    assert not driver.mig_mode(gpu).pending


def test_a_reset_drops_instances_and_is_refused_while_there_are_processes():
    driver, gpu = cuttable("h100-80gb")
    device = mig_device(driver, gpu, "1g.10gb")
    driver.add_process(1, "python", driver.uuid(device), 0)
    with pytest.raises(NvmlInUseError):
        driver.reset(gpu)
    driver.end_process(1)
    driver.reset(gpu)
    with pytest.raises(NvmlInvalidArgumentError):
        driver.uuid(device)
    assert driver.gpu_instance_capacity(gpu, 0) == 1


def test_a_reboot_changes_the_boot_id_and_ends_processes_and_instances():
    driver, gpu = cuttable("a100-80gb")
    device = mig_device(driver, gpu, "1g.10gb")
    uuid = driver.uuid(device)
    driver.add_process(1, "python", uuid, 0)
    before = driver.boot_id()
    driver.reboot()
    assert driver.boot_id() != before
    assert driver.boot_id() == driver.boot_id()
    with pytest.raises(NvmlNotFoundError):
        driver.process_name(1)
    with pytest.raises(NvmlNotFoundError):
        driver.device_by_uuid(uuid)
    assert driver.uuid(mig_device(driver, gpu, "1g.10gb")) != uuid, "not even after a reboot"


def test_a_lost_gpu_fails_every_call_and_the_others_go_on():
    driver = open_in_memory(["a100-80gb", "a100-80gb"])
    lost, other = driver.device_by_index(0), driver.device_by_index(1)
    for gpu in (lost, other):
        turn_on(driver, gpu)
    instance = cut(driver, lost, "2g.20gb")
    device = driver.compute_instance_info(fill(driver, instance)).device
    uuid = driver.uuid(lost)
    driver.lose(lost)
    for call in (driver.uuid, driver.memory, driver.mig_mode, driver.compute_processes, driver.is_mig_device):
        for handle in (lost, device):
            with pytest.raises(GpuLostError):
                call(handle)
    for call in (driver.gpu_instance_info, driver.destroy_gpu_instance):
        with pytest.raises(GpuLostError):
            call(instance)
    with pytest.raises(GpuLostError):
        driver.create_gpu_instance(lost, 14)
    with pytest.raises(GpuLostError):
        driver.device_by_index(0)
    with pytest.raises(GpuLostError):
        driver.device_by_uuid(uuid)
    assert driver.device_count() == 2
    cut(driver, other, "2g.20gb")
    driver.reboot()
    assert driver.uuid(driver.device_by_index(0)) == uuid, "a reboot finds it again"


def test_without_privilege_nothing_is_cut():
    store = MemoryStore(["h100-80gb"])
    root, user = SimulatedDriver(store), SimulatedDriver(store, privileged=False)
    gpu = user.device_by_index(0)
    with pytest.raises(NvmlNoPermissionError):
        user.set_mig_mode(gpu, enabled=True)
    root.set_mig_mode(gpu, enabled=True)
    with pytest.raises(NvmlNoPermissionError):
        user.create_gpu_instance(gpu, 0)
    instance = root.create_gpu_instance(gpu, 0)
    with pytest.raises(NvmlNoPermissionError):
        user.create_compute_instance(instance, 0)
    compute = fill(root, instance)
    with pytest.raises(NvmlNoPermissionError):
        user.destroy_compute_instance(compute)
    with pytest.raises(NvmlNoPermissionError):
        user.destroy_gpu_instance(instance)
    assert user.gpu_instances(gpu, 0) == (instance,)


def test_a_process_needs_a_device_that_can_take_it():
    driver, gpu = cuttable("a100-80gb")
    with pytest.raises(ConflictError, match="MIG on"):
        driver.add_process(1, "python", driver.uuid(gpu), 0)
    with pytest.raises(NvmlNotFoundError):
        driver.add_process(1, "python", "MIG-gone", 0)
    device = mig_device(driver, gpu, "1g.10gb")
    with pytest.raises(ConflictError, match="free"):
        driver.add_process(1, "python", driver.uuid(device), driver.memory(device).total + 1)


def test_a_change_by_any_driver_of_the_host_is_noticed():
    store = MemoryStore(["h100-80gb"])
    watching, changing = SimulatedDriver(store), SimulatedDriver(store)
    gpu = changing.device_by_index(0)
    with watching.mig_changes() as changes:
        assert not changes.wait(0)
        changing.set_mig_mode(gpu, enabled=True)
        assert changes.wait(0), "of mode"
        assert not changes.wait(0), "told once"
        instance = changing.create_gpu_instance(gpu, 0)
        assert changes.wait(0), "an instance more"
        changing.destroy_gpu_instance(instance)
        assert changes.wait(0), "an instance less"
        changing.add_process(1, "python", changing.uuid(changing.compute_instance_info(_seven(changing)).device), 0)
        assert changes.wait(0)
        changing.end_process(1)
        assert not changes.wait(0), "processes do not change the layout"
        changing.reboot()
        assert changes.wait(0), "a reboot"
        timer = threading.Timer(0.05, changing.set_mig_mode, [gpu], {"enabled": True})
        timer.start()
        assert changes.wait(30), "while waiting"
        timer.join()


def test_a_closed_driver_and_a_forked_child_are_refused():
    """NVML belongs to the process that initialised it."""
    driver = open_in_memory(["a100-80gb"])
    gpu = driver.device_by_index(0)
    child = multiprocessing.get_context("fork").Process(target=_expect_uninitialized, args=(driver,))
    child.start()
    child.join()
    assert child.exitcode == 0
    driver.close()
    with pytest.raises(NvmlUninitializedError):
        driver.uuid(gpu)
    with pytest.raises(NvmlUninitializedError):
        driver.device_count()


def _seven(driver: SimulatedDriver):
    return fill(driver, driver.create_gpu_instance(driver.device_by_index(0), 0))


def _expect_uninitialized(driver: SimulatedDriver) -> None:
    with pytest.raises(NvmlUninitializedError):
        driver.device_count()
