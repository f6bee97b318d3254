"""Which calls are made on what: every method of the Driver protocol that only reads, on everything that there is.

Nothing here changes a GPU. Of other people's processes only the number is kept.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pynvml  # type: ignore[import-untyped]
from gpu_calls import Answer, Recorder, Subject

from migperf.gpus.driver import (
    Architecture,
    Clock,
    ComputeInstanceHandle,
    Device,
    Driver,
    FieldId,
    GpmReader,
    GpuInstanceHandle,
    GpuInstanceProfile,
    XidEvent,
)
from migperf.gpus.inventory import MAX_SLOTS
from migperf.gpus.nvml_errors import NvmlInvalidArgumentError, nvml_error
from migperf.gpus.placement import Placement

T = TypeVar("T")
H = TypeVar("H")
GPM_INTERVAL_S = 0.2
GPM_METRICS = (*range(1, 14), 20, 21)
"""NVML_GPM_METRIC_*: activity of the units, % (1 to 13), and PCIe traffic sent and received, MiB/s."""
_END = NvmlInvalidArgumentError.__name__


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a GPU told of itself, as far as the tables of boards say something about it."""

    label: str
    name: Answer[str]
    pci_device_id: Answer[int]
    """Device and vendor, such as 0x233010DE."""
    architecture: Answer[Architecture]
    compute_capability: Answer[tuple[int, int]]
    memory_bytes: Answer[int]
    core_count: Answer[int]
    profiles: Mapping[int, Answer[GpuInstanceProfile]]
    """By slot, as far as the enum goes."""
    placements: Mapping[int, Answer[tuple[Placement, ...]]]
    """By slot, of the profiles that there are."""

    @property
    def found(self) -> dict[int, GpuInstanceProfile]:
        """The profiles that there are, by slot."""
        return {slot: answer.value for slot, answer in self.profiles.items() if answer.value is not None}

    @property
    def may_have_gpm(self) -> bool:
        """Whether it is of Hopper or later, as far as is known."""
        return self.architecture.value is None or self.architecture.value >= Architecture.HOPPER


def walk(recorder: Recorder, driver: Driver) -> tuple[Told, ...]:
    """Record every call on this host and on everything in it; return what its GPUs told."""
    for call in (driver.boot_id, driver.driver_version, driver.cuda_version):
        recorder.ask("host", call)
    recorder.ask("host", process_name, driver, show=lambda name: {"characters": len(name)})
    recorder.ask("host", mig_changes, driver)
    count = recorder.ask("host", driver.device_count).value or 0
    return tuple(told for index in range(count) for told in _gpu(recorder, driver, index))


def process_name(driver: Driver) -> str:
    """Ask for the name of this very process."""
    return driver.process_name(os.getpid())


def mig_changes(driver: Driver) -> bool:
    """Listen for changes of the MIG configuration, without waiting for one."""
    with driver.mig_changes() as changes:
        return changes.wait(0)


def xid_events(driver: Driver, device: Device) -> tuple[XidEvent, ...]:
    """Listen for errors, without waiting for one."""
    with driver.xid_events(device) as events:
        return events.poll()


def ecc_errors(driver: Driver, device: Device, corrected: bool) -> int:
    """Count the errors since the driver was loaded."""
    return driver.ecc_errors(device, corrected=corrected)


def pci_device_id(gpu: Device) -> int:
    """``nvmlDeviceGetPciInfo_v3``, device and vendor: the Driver protocol has no use for it."""
    try:
        return int(pynvml.nvmlDeviceGetPciInfo_v3(gpu).pciDeviceId)
    except pynvml.NVMLError as error:
        raise nvml_error(error.value, "nvmlDeviceGetPciInfo_v3") from error


def _gpu(recorder: Recorder, driver: Driver, index: int) -> Iterator[Told]:
    """Record a GPU and what it is cut into; nothing more where it does not even have a handle."""
    handle = recorder.ask("host", driver.device_by_index, index).value
    if handle is None:
        return
    gpu = Subject(recorder, f"GPU {index}", handle)
    told = _identify(gpu, driver)
    _read_device(gpu, driver)
    if told.may_have_gpm:
        _sample(gpu, driver, None)
    for profile in told.found.values():
        _read_instances(gpu, driver, profile, with_gpm=told.may_have_gpm)
    _read_mig_devices(gpu, driver)
    yield told


def _identify(gpu: Subject[Device], driver: Driver) -> Told:
    profiles = dict(_by_slot(gpu, driver.gpu_instance_profile))
    found = {slot: answer.value for slot, answer in profiles.items() if answer.value is not None}
    return Told(
        label=gpu.name,
        name=gpu.ask(driver.name),
        pci_device_id=gpu.ask(pci_device_id, show=hex),
        architecture=gpu.ask(driver.architecture),
        compute_capability=gpu.ask(driver.compute_capability),
        memory_bytes=gpu.ask(driver.memory).then(lambda memory: memory.total),
        core_count=gpu.ask(driver.core_count),
        profiles=profiles,
        placements={slot: gpu.ask(driver.gpu_instance_placements, profile.id) for slot, profile in found.items()},
    )


def _read_device(device: Subject[Device], driver: Driver) -> None:
    """Record what can be asked of a GPU as of a MIG device, and what only one of them can answer."""
    for call in (
        driver.pci_bus_id,
        driver.utilization,
        driver.power_mw,
        driver.power_limit_mw,
        driver.energy_mj,
        driver.clocks_event_reasons,
        driver.temperature_c,
        driver.mig_mode,
        driver.is_mig_device,
        driver.parent_of,
        driver.gpu_instance_id_of,
        driver.compute_instance_id_of,
        driver.mig_attributes,
        driver.gpm_supported,
    ):
        device.ask(call)
    for clock in Clock:
        device.ask(driver.clock_mhz, clock)
    for corrected in (True, False):
        device.recorder.ask(device.name, ecc_errors, driver, device.handle, corrected)
    device.recorder.ask(device.name, xid_events, driver, device.handle)
    device.ask(driver.field_values, tuple(FieldId))
    device.ask(driver.compute_processes, show=lambda processes: {"count": len(processes)})
    uuid = device.ask(driver.uuid).value
    if uuid is not None:
        device.recorder.ask(device.name, driver.device_by_uuid, uuid)


def _read_mig_devices(gpu: Subject[Device], driver: Driver) -> None:
    """Record the MIG devices. Index 0 is asked for also where there should be none."""
    most = gpu.ask(driver.max_mig_device_count).value or 0
    for index in range(max(1, most)):
        handle = gpu.ask(driver.mig_device_by_index, index).value
        if handle is None:
            continue
        device = Subject(gpu.recorder, f"{gpu.name}, MIG device {index}", handle)
        for call in (driver.name, driver.architecture, driver.compute_capability, driver.core_count, driver.memory):
            device.ask(call)
        _read_device(device, driver)


def _read_instances(gpu: Subject[Device], driver: Driver, profile: GpuInstanceProfile, *, with_gpm: bool) -> None:
    gpu.ask(driver.gpu_instance_capacity, profile.id)
    for nth, handle in enumerate(gpu.ask(driver.gpu_instances, profile.id).value or ()):
        instance = Subject(gpu.recorder, f"{gpu.name}, {profile.name} number {nth}", handle)
        info = instance.ask(driver.gpu_instance_info).value
        if info is not None:
            gpu.ask(driver.gpu_instance_by_id, info.id)
            if with_gpm:
                _sample(gpu, driver, info.id)
        _read_compute_instances(instance, driver)


def _read_compute_instances(instance: Subject[GpuInstanceHandle], driver: Driver) -> None:
    for _, answer in _by_slot(instance, driver.compute_instance_profile):
        if answer.value is None:
            continue
        cut = answer.value
        instance.ask(driver.compute_instance_placements, cut.id)
        instance.ask(driver.compute_instance_capacity, cut.id)
        handles: tuple[ComputeInstanceHandle, ...] = instance.ask(driver.compute_instances, cut.id).value or ()
        for nth, handle in enumerate(handles):
            instance.recorder.ask(f"{instance.name}, {cut.name} number {nth}", driver.compute_instance_info, handle)


def _sample(gpu: Subject[Device], driver: Driver, instance_id: int | None) -> None:
    """Record a pair of GPM samples of the whole GPU, or of one GPU instance, and what they say."""
    earlier = gpu.ask(driver.gpm_sample, instance_id).value
    time.sleep(GPM_INTERVAL_S)
    later = gpu.ask(driver.gpm_sample, instance_id).value
    on = gpu.name if instance_id is None else f"{gpu.name}, GPU instance {instance_id}"
    if earlier is not None and later is not None:
        gpu.recorder.ask(on, driver.gpm_metrics, earlier, later, GPM_METRICS)
    reader = gpu.ask(driver.gpm_reader, instance_id, GPM_METRICS).value
    if reader is not None:
        _read_gpm(gpu.recorder, on, reader)


def _read_gpm(recorder: Recorder, on: str, reader: GpmReader) -> None:
    """Record readings that have no average yet, and such that have one."""
    recorder.ask(on, reader.read, show=_rows)
    time.sleep(GPM_INTERVAL_S)
    recorder.ask(on, reader.read, show=_rows)
    reader.close()


def _rows(rows: tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]) -> list[str]:
    """Return values, or the codes that stand in their place, by metric."""
    return [f"{id_} {f'error {code}' if code else value}" for id_, value, code in zip(GPM_METRICS, *rows, strict=True)]


def _by_slot(subject: Subject[H], call: Callable[[H, int], T]) -> Iterator[tuple[int, Answer[T]]]:
    """Walk over an enum of NVML's, whose end is only known by asking."""
    for slot in range(MAX_SLOTS):
        answer = subject.ask(call, slot)
        if answer.value is None and answer.failure is not None and answer.failure.error == _END:
            return
        yield slot, answer
