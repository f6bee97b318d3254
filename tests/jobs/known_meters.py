"""Meters whose readings are known functions of time, so that a test can say what must have been stored."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from migperf.gpus.driver import ClocksEventReason, Utilization
from migperf.gpus.simulation.meters import BoardReadings, InstanceReadings

NS_PER_S = 1_000_000_000
MIB = 1 << 20
SWING_S = 1.5
"""Period of everything that goes up and down."""
Times = npt.NDArray[np.float64]


@dataclass(frozen=True)
class KnownMeters:
    """Times are seconds since ``zero_ns``; each instance has activity of its own."""

    zero_ns: int

    def seconds(self, now_ns: int) -> float:
        return (now_ns - self.zero_ns) / NS_PER_S

    def power_w(self, t: float) -> float:
        return 300 + 100 * math.sin(2 * math.pi * t / SWING_S)

    def energy_j(self, t: float) -> float:
        """Return the integral of the power."""
        return 1e6 + 300 * t - 100 * SWING_S / (2 * math.pi) * math.cos(2 * math.pi * t / SWING_S)

    def activity_pct(self, instance: int | None, t: float) -> float:
        return 40 + (instance or 0) + 5 * t

    def used_mib(self, instance: int | None, t: float) -> float:
        return 1000 + 100 * (instance or 0) + 10 * t

    def throttled(self, t: float) -> bool:
        return t % 1.0 < 0.3

    def board(self, gpu_uuid: str, now_ns: int) -> BoardReadings:
        t = self.seconds(now_ns)
        reason = ClocksEventReason.SW_POWER_CAP if self.throttled(t) else ClocksEventReason(0)
        return BoardReadings(
            power_average_mw=round(1000 * self.power_w(t)),
            power_instant_mw=round(1000 * self.power_w(t)),
            power_limit_mw=700_000,
            energy_mj=round(1000 * self.energy_j(t)),
            clock_sm_mhz=round(1500 + 100 * t),
            clock_memory_mhz=2619,
            clocks_event_reasons=reason,
            temperature_c=41,
            memory_temperature_c=55,
            utilization=Utilization(gpu_pct=round(self.activity_pct(None, t)), memory_pct=7),
            throttled_power_ns=round(0.3 * t * NS_PER_S),
            throttled_thermal_ns=0,
            pcie_replays=3,
            ecc_corrected=2,
            ecc_uncorrected=0,
            memory_used_bytes=round(self.used_mib(None, t) * MIB),
            memory_reserved_bytes=500 * MIB,
        )

    def instance(self, gpu_uuid: str, gpu_instance_id: int, now_ns: int) -> InstanceReadings:
        used = self.used_mib(gpu_instance_id, self.seconds(now_ns))
        return InstanceReadings(ecc_uncorrected=0, memory_used_bytes=round(used * MIB), memory_reserved_bytes=20 * MIB)

    def gpm(
        self, gpu_uuid: str, gpu_instance_id: int | None, metric_id: int, window_ns: tuple[int, int]
    ) -> float | None:
        middle = self.seconds(sum(window_ns) // 2)
        return self.activity_pct(gpu_instance_id, middle) if metric_id in (1, 2) else 1.0 * metric_id
