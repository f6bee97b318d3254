"""A GPU of the C library that shows something on every meter, and all that a run on it is watched by."""

import time

from migperf.gpus.driver import Driver
from migperf.gpus.inventory import discover
from migperf.gpus.partition import Partition
from migperf.metrics.absence import Absence
from migperf.metrics.gpu.plan import board_sources, partition_sources
from migperf.metrics.source import Source
from tests.gpus.nvml.fake_host import FakeHost
from tests.metrics.gpu.world import S

SHOWN = {
    "power_average_mw": 312_500,
    "power_instant_mw": 290_000,
    "power_limit_mw": 700_000,
    "energy_mj": 5_000_000_000,
    "clock_sm_mhz": 1965,
    "clock_memory_mhz": 2619,
    "clocks_event_reasons": 0x24 | 1 << 40,
    "temperature_c": 61,
    "memory_temperature_c": 74,
    "throttled_power_ns": 7_000_000_000,
    "throttled_thermal_ns": 8,
    "pcie_replays": 3,
    "ecc_corrected": 12,
    "ecc_uncorrected": 1,
    "utilization_gpu_pct": 73,
    "utilization_memory_pct": 21,
}


class Watched:
    """A GPU of the C library, with all that a run on a partition of it is watched by; time is the test's."""

    def __init__(self, host: FakeHost, driver: Driver, slot: int = 0, *, mig: bool = False) -> None:
        self.host, self.driver = host, driver
        self.partition: Partition = discover(driver, offer_cpu=False).partitions[slot]
        gpu_uuid = self.partition.gpu_uuid or ""
        self.sources: tuple[Source, ...] = (
            *board_sources(driver, gpu_uuid, mig),
            *partition_sources(driver, self.partition),
        )
        self.now_ns = 0

    def leave_out_gpm(self) -> None:
        """Read the others without waiting for it."""
        self.sources = tuple(source for source in self.sources if not is_gpm(source))

    def read(self, passed_ns: int = S) -> dict[str, float | Absence | None]:
        """Read all sources; GPM has a clock of its own, which no test can move."""
        if any(map(is_gpm, self.sources)):
            time.sleep(0.101)
        self.now_ns += passed_ns
        seen: dict[str, float | Absence | None] = {}
        for source in self.sources:
            row = source.read(self.now_ns)
            for index, metric in enumerate(source.metrics):
                value = float(row[index])
                seen[metric.name] = value if value == value else source.why_not(index)  # noqa: PLR0124
        return seen


def is_gpm(source: Source) -> bool:
    return source.metrics[0].source == "gpm"
