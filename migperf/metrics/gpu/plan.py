"""Which sources a GPU and a partition of it are watched by. What a board cannot tell is a metric with the reason."""

from migperf.gpus.driver import Driver
from migperf.gpus.inventory import mig_devices
from migperf.gpus.nvml_errors import NvmlError
from migperf.gpus.partition import Partition, PartitionKind
from migperf.metrics.gpu import board
from migperf.metrics.gpu.gpm_sources import (
    gpu_gpm_source,
    has_gpm,
    instance_gpm_source,
    instances_gpm_source,
    link_gpm_source,
)
from migperf.metrics.gpu.group_source import GroupSource
from migperf.metrics.gpu.handle import Handle
from migperf.metrics.gpu.partition import memories_source, memory_source, processes_source
from migperf.metrics.gpu.power import power_source
from migperf.metrics.gpu.xid import XidSource
from migperf.metrics.metric import Scope
from migperf.metrics.source import EventSource, JointSource, Source


def board_sources(driver: Driver, gpu_uuid: str, mig: bool) -> tuple[Source, ...]:
    """Return what is read once for all runs on a GPU. ``mig``: whether it is cut. Never raises for a bad GPU.

    Where there is GPM, it tells better than counters what passes over the links: for a GPU that is not cut, together
    with the rest of GPM (``partition_sources``).
    """
    gpu = Handle(driver, gpu_uuid)
    sources: tuple[Source, ...] = (
        board.clock_source(gpu),
        power_source(gpu),
        board.utilization_source(gpu),
        board.slow_source(gpu),
        _board_errors(gpu, mig),
    )
    if not has_gpm(gpu):
        return (*sources, board.pcie_source(gpu))
    return (*sources, link_gpm_source(gpu)) if mig else sources


def joint_sources(driver: Driver, gpu_uuid: str) -> tuple[JointSource, ...]:
    """Return what can be read of all the MIG devices that a GPU has now, for runs on them to join. Never raises."""
    gpu = Handle(driver, gpu_uuid)
    try:
        cut = [Handle(driver, driver.uuid(device)) for device in mig_devices(driver, gpu.device())]
    except NvmlError:
        return ()
    if not cut:
        return ()
    memory = memories_source(cut)
    return (memory, instances_gpm_source(gpu, cut)) if has_gpm(gpu) else (memory,)


def partition_sources(driver: Driver, partition: Partition) -> tuple[Source, ...]:
    """Return what is read for one run alone; nothing for a partition that is no part of a GPU. Never raises either."""
    if partition.gpu_uuid is None:
        return ()
    gpu = Handle(driver, partition.gpu_uuid)
    if partition.kind is PartitionKind.MIG:
        return _instance_sources(gpu, Handle(driver, partition.uuid))
    sources: tuple[Source, ...] = (memory_source(gpu, Scope.GPU), processes_source(gpu, Scope.GPU))
    return (*sources, gpu_gpm_source(gpu)) if has_gpm(gpu) else sources


def event_sources(driver: Driver, partition: Partition) -> tuple[EventSource, ...]:
    """Return the events that are looked for for one run: errors that concern what it is on. Never raises."""
    if partition.gpu_uuid is None:
        return ()
    mig_device = Handle(driver, partition.uuid) if partition.kind is PartitionKind.MIG else None
    return (XidSource(Handle(driver, partition.gpu_uuid), mig_device),)


def _instance_sources(gpu: Handle, mig_device: Handle) -> tuple[Source, ...]:
    sources: tuple[Source, ...] = (
        memory_source(mig_device, Scope.INSTANCE),
        processes_source(mig_device, Scope.INSTANCE),
        _instance_errors(mig_device),
    )
    return (*sources, instance_gpm_source(gpu, mig_device)) if has_gpm(gpu) else sources


def _board_errors(gpu: Handle, mig: bool) -> GroupSource:
    """Memory errors: of a board that is cut, those not corrected are told for each instance instead (nvml.h)."""
    corrected = board.ecc_group(gpu, Scope.GPU, corrected=True)
    uncorrected = () if mig else (board.ecc_group(gpu, Scope.GPU, corrected=False),)
    return GroupSource((corrected, *uncorrected), board.ECC_PERIOD_NS)


def _instance_errors(mig_device: Handle) -> GroupSource:
    return GroupSource((board.ecc_group(mig_device, Scope.INSTANCE, corrected=False),), board.ECC_PERIOD_NS)
