"""Simulated hosts for tests, and the few steps that every test of them takes."""

from migperf.gpus.driver import ComputeInstanceHandle, Device, Driver, GpuInstanceHandle, GpuInstanceProfile
from migperf.gpus.nvml_errors import NvmlInvalidArgumentError, NvmlNotSupportedError
from migperf.gpus.placement import Placement
from migperf.gpus.simulation.boards import BOARDS
from migperf.gpus.simulation.driver import SimulatedDriver, open_in_memory

WITH_MIG = [key for key, board in BOARDS.items() if board.has_mig]
WITHOUT_MIG = [key for key, board in BOARDS.items() if not board.has_mig]


def cuttable(board: str) -> tuple[SimulatedDriver, Device]:
    """Return a host with one GPU that has MIG on, and that GPU."""
    driver = open_in_memory([board])
    gpu = driver.device_by_index(0)
    turn_on(driver, gpu)
    return driver, gpu


def turn_on(driver: SimulatedDriver, gpu: Device) -> None:
    """Turn MIG on, with a reset where the board needs one."""
    if driver.set_mig_mode(gpu, enabled=True) is not None:
        driver.reset(gpu)


def profiles(driver: Driver, gpu: Device) -> dict[str, GpuInstanceProfile]:
    """Ask the driver for its profiles as one has to: slot by slot until it says that there are no more."""
    found = {}
    slot = 0
    while True:
        try:
            profile = driver.gpu_instance_profile(gpu, slot)
            found[profile.name] = profile
        except NvmlNotSupportedError:
            pass
        except NvmlInvalidArgumentError:
            return found
        slot += 1


def cut(driver: Driver, gpu: Device, name: str, start: int | None = None) -> GpuInstanceHandle:
    """Create a GPU instance of a profile, where the driver likes or at a start."""
    profile = profiles(driver, gpu)[name]
    if start is None:
        return driver.create_gpu_instance(gpu, profile.id)
    size = driver.gpu_instance_placements(gpu, profile.id)[0].size
    return driver.create_gpu_instance(gpu, profile.id, Placement(start, size))


def fill(driver: Driver, instance: GpuInstanceHandle) -> ComputeInstanceHandle:
    """Create the compute instance that takes all of its GPU instance."""
    plain = [slot for slot in range(5) if _has(driver, instance, slot)]
    return driver.create_compute_instance(instance, plain[-1])


def mig_device(driver: Driver, gpu: Device, name: str, start: int | None = None) -> Device:
    """Create a GPU instance and the compute instance that fills it; return the MIG device."""
    return driver.compute_instance_info(fill(driver, cut(driver, gpu, name, start))).device


def _has(driver: Driver, instance: GpuInstanceHandle, slot: int) -> bool:
    try:
        driver.compute_instance_profile(instance, slot)
    except NvmlNotSupportedError:
        return False
    return True
