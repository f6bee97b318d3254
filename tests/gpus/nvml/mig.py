"""Steps that tests of MIG take again and again, through the driver interface alone."""

from collections.abc import Iterator
from itertools import count

from migperf.gpus.driver import (
    ComputeInstanceHandle,
    ComputeInstanceInfo,
    Device,
    Driver,
    GpuInstanceHandle,
    GpuInstanceProfile,
)
from migperf.gpus.nvml_errors import NvmlInvalidArgumentError, NvmlNotSupportedError

IDS_7_SLICES = {"1g": 19, "2g": 14, "3g": 9, "4g": 5, "7g": 0}
FULL_CUTS = {1: 0, 2: 1, 3: 2, 4: 3, 7: 4}
"""Compute instance profile that fills a GPU instance, by the compute slices of both."""


def with_mig_on(driver: Driver, index: int = 0) -> Device:
    """Return a GPU that changes its mode at once, with MIG on."""
    gpu = driver.device_by_index(index)
    assert driver.set_mig_mode(gpu, enabled=True) is None
    return driver.device_by_index(index)


def profiles(driver: Driver, gpu: Device) -> Iterator[GpuInstanceProfile]:
    """Yield all profiles, as NVML wants to be asked: on over what this board lacks, up to the end."""
    for slot in count():
        try:
            yield driver.gpu_instance_profile(gpu, slot)
        except NvmlNotSupportedError:
            continue
        except NvmlInvalidArgumentError:
            return


def fill(driver: Driver, instance: GpuInstanceHandle, slices: int) -> ComputeInstanceInfo:
    """Create the compute instance that fills a GPU instance."""
    return driver.compute_instance_info(driver.create_compute_instance(instance, FULL_CUTS[slices]))


def mig_device(
    driver: Driver, gpu: Device, name: str = "1g"
) -> tuple[GpuInstanceHandle, ComputeInstanceHandle, Device]:
    """Create a GPU instance of a 7-slice board, filled; return both instances and the MIG device."""
    instance = driver.create_gpu_instance(gpu, IDS_7_SLICES[name])
    compute = driver.create_compute_instance(instance, FULL_CUTS[int(name[0])])
    return instance, compute, driver.compute_instance_info(compute).device
