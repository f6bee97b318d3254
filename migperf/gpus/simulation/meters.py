"""What a test hands in if its simulated GPUs shall have readings. Without it there are none: nothing is invented."""

from dataclasses import dataclass
from typing import Protocol

from migperf.gpus.driver import ClocksEventReason, Utilization


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardReadings:
    """What the meters of one board show at some time. What is None cannot be read there: NvmlNotSupportedError."""

    power_average_mw: int | None = None
    """Averaged by the sensor. Boards up to GA100 do not tell it, whatever stands here."""
    power_instant_mw: int | None = None
    power_limit_mw: int | None = None
    energy_mj: int | None = None
    """Since some beginning."""
    clock_graphics_mhz: int | None = None
    clock_sm_mhz: int | None = None
    clock_memory_mhz: int | None = None
    clocks_event_reasons: ClocksEventReason | None = None
    temperature_c: int | None = None
    memory_temperature_c: int | None = None
    utilization: Utilization | None = None
    """Not told while MIG is on, whatever stands here."""
    throttled_power_ns: int | None = None
    throttled_thermal_ns: int | None = None
    pcie_replays: int | None = None
    pcie_sent_bytes: int | None = None
    pcie_received_bytes: int | None = None
    ecc_corrected: int | None = None
    ecc_uncorrected: int | None = None
    memory_used_bytes: int | None = None
    """None: what its processes are said to use."""
    memory_reserved_bytes: int | None = None
    """None: 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceReadings:
    """What one GPU instance shows at some time. What is None cannot be read: NvmlNotSupportedError."""

    ecc_corrected: int | None = None
    ecc_uncorrected: int | None = None
    memory_used_bytes: int | None = None
    """None: what its processes are said to use."""
    memory_reserved_bytes: int | None = None
    """None: 0."""


class Meters(Protocol):
    """Readings as functions of time, in nanoseconds of the clock that the driver was given."""

    def board(self, gpu_uuid: str, now_ns: int) -> BoardReadings:
        """Return what the board shows."""
        ...

    def instance(self, gpu_uuid: str, gpu_instance_id: int, now_ns: int) -> InstanceReadings:
        """Return what a GPU instance shows for itself."""
        ...

    def gpm(
        self, gpu_uuid: str, gpu_instance_id: int | None, metric_id: int, window_ns: tuple[int, int]
    ) -> float | None:
        """Return the average of a GPM metric between two times, of a GPU or of a GPU instance; None: no such metric."""
        ...
