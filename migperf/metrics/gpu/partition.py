"""What NVML tells of that part of a GPU that a run is on: the whole GPU, or the GPU instance of a MIG device."""

from collections.abc import Sequence

from migperf.metrics import catalogue
from migperf.metrics.gpu.asking import MIB
from migperf.metrics.gpu.bank import BankSource, Columns, Subject
from migperf.metrics.gpu.group import CallGroup, Column
from migperf.metrics.gpu.group_source import GroupSource
from migperf.metrics.gpu.handle import Handle
from migperf.metrics.metric import NS_PER_S, Metric, Scope

MEMORY_PERIOD_NS = 100_000_000
PROCESSES_PERIOD_NS = NS_PER_S


def memory_source(handle: Handle, scope: Scope, period_ns: int = MEMORY_PERIOD_NS) -> BankSource:
    """Return the source of device memory used, free and reserved; compute instances of one GPU instance share it."""
    return BankSource.of_one(handle.driver.memory_bank, _subject(handle), _memory_columns(scope), period_ns)


def memories_source(mig_devices: Sequence[Handle], period_ns: int = MEMORY_PERIOD_NS) -> BankSource:
    """Return the same of several MIG devices, at least one, for runs to join."""
    subjects = [_subject(mig_device) for mig_device in mig_devices]
    return BankSource(mig_devices[0].driver.memory_bank, subjects, _memory_columns(Scope.INSTANCE), period_ns)


def processes_source(handle: Handle, scope: Scope) -> GroupSource:
    """Return the source of how many processes compute there."""
    driver = handle.driver
    column = Column(Metric.of(catalogue.PROCESSES, scope, "nvml", period_ns=PROCESSES_PERIOD_NS))
    call = "nvmlDeviceGetComputeRunningProcesses"
    group = CallGroup(handle, call, (column,), lambda device: (len(driver.compute_processes(device)),))
    return GroupSource((group,), PROCESSES_PERIOD_NS)


def _memory_columns(scope: Scope) -> Columns:
    quantities = (catalogue.FB_RESERVED, catalogue.FB_FREE, catalogue.FB_USED)
    return Columns(
        metrics=tuple(Metric.of(quantity, scope, "nvml", period_ns=MEMORY_PERIOD_NS) for quantity in quantities),
        calls=("nvmlDeviceGetMemoryInfo",) * len(quantities),
        limit=0xFFFFFFFFFFFFFFFF,
        per=MIB,
    )


def _subject(handle: Handle) -> Subject:
    return Subject((handle,), lambda: (handle.device(), None))
