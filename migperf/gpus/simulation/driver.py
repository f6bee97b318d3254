"""A host with simulated GPUs, as a driver. It behaves like NVML in what concerns MIG; only tests give it readings."""

from collections.abc import Sequence
from pathlib import Path

from migperf.gpus.driver import Driver
from migperf.gpus.simulation.compute_instance_calls import ComputeInstanceCalls
from migperf.gpus.simulation.control import Control
from migperf.gpus.simulation.device_calls import DeviceCalls
from migperf.gpus.simulation.event_calls import EventCalls
from migperf.gpus.simulation.gpm_calls import GpmCalls
from migperf.gpus.simulation.gpu_instance_calls import GpuInstanceCalls
from migperf.gpus.simulation.meter_calls import MeterCalls
from migperf.gpus.simulation.mig_calls import MigCalls
from migperf.gpus.simulation.stores import FileStore, MemoryStore


class SimulatedDriver(
    DeviceCalls,
    MeterCalls,
    MigCalls,
    GpuInstanceCalls,
    ComputeInstanceCalls,
    GpmCalls,
    EventCalls,
    Control,
    Driver,
):
    """The ``Driver`` of a simulated host, and the deeds of ``Control``.

    Several drivers may share one store, in one process or, with a file, in several: each sees what the others do.
    """


def open_in_memory(boards: Sequence[str]) -> SimulatedDriver:
    """Open a host of its own with these boards (keys), which ends with the driver. Raises ConfigurationError."""
    return SimulatedDriver(MemoryStore(boards))


def open_file(path: Path, boards: Sequence[str], host: str) -> SimulatedDriver:
    """Open the host that a file describes, shared by all who open it; ``host`` is its name, which goes into UUIDs.

    Raises ConfigurationError for an unknown board and for a file that cannot be understood.
    """
    return SimulatedDriver(FileStore(path, boards, host))
