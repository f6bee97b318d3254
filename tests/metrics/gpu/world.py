"""A simulated host with one GPU whose meters show known functions of time, on a clock that the test moves."""

import math
from collections.abc import Iterable

from migperf.gpus.driver import ClocksEventReason, Driver, Utilization
from migperf.gpus.inventory import compute_instance_profiles, discover
from migperf.gpus.partition import Partition
from migperf.gpus.simulation.driver import SimulatedDriver
from migperf.gpus.simulation.meters import BoardReadings, InstanceReadings
from migperf.gpus.simulation.stores import MemoryStore
from migperf.metrics.absence import Absence
from migperf.metrics.gpu.plan import board_sources, partition_sources
from migperf.metrics.source import Source

MS = 1_000_000
S = 1_000_000_000
MIB = 1 << 20
START_NS = 1_000 * S
GPM_METRICS = frozenset({*range(1, 14), 20, 21, 60, 61})


class KnownMeters:
    """Everything that can be read, each by a function of its own; GPM is the mean of a straight line."""

    def board(self, gpu_uuid: str, now_ns: int) -> BoardReadings:
        ms = now_ns // MS
        return BoardReadings(
            power_average_mw=200_000 + ms % 1000,
            power_instant_mw=300_000 + ms % 700,
            power_limit_mw=700_000,
            energy_mj=ms * 250,
            clock_sm_mhz=1_000 + ms % 900,
            clock_memory_mhz=2_000 + ms % 600,
            clocks_event_reasons=self.reasons(now_ns),
            temperature_c=40 + ms // 1000 % 30,
            memory_temperature_c=50 + ms // 1000 % 30,
            utilization=Utilization(gpu_pct=ms % 101, memory_pct=ms % 53),
            throttled_power_ns=now_ns // 3,
            throttled_thermal_ns=now_ns // 7,
            pcie_replays=ms // 500,
            pcie_sent_bytes=self.sent_bytes(now_ns),
            pcie_received_bytes=2 * self.sent_bytes(now_ns),
            ecc_corrected=ms // 300,
            ecc_uncorrected=ms // 900,
            memory_used_bytes=(1_000 + ms % 5_000) * MIB,
            memory_reserved_bytes=600 * MIB,
        )

    def instance(self, gpu_uuid: str, gpu_instance_id: int, now_ns: int) -> InstanceReadings:
        ms = now_ns // MS
        return InstanceReadings(
            ecc_uncorrected=gpu_instance_id * 1_000 + ms // 900,
            memory_used_bytes=(10 * gpu_instance_id + ms % 500) * MIB,
            memory_reserved_bytes=30 * MIB,
        )

    def gpm(
        self, gpu_uuid: str, gpu_instance_id: int | None, metric_id: int, window_ns: tuple[int, int]
    ) -> float | None:
        if metric_id not in GPM_METRICS:
            return None
        begin, end = window_ns
        return (self.level(gpu_instance_id, metric_id, begin) + self.level(gpu_instance_id, metric_id, end)) / 2

    @staticmethod
    def level(gpu_instance_id: int | None, metric_id: int, now_ns: int) -> float:
        return metric_id + (gpu_instance_id or 0) / 10 + (now_ns - START_NS) / S / 10

    @staticmethod
    def reasons(now_ns: int) -> ClocksEventReason:
        """A different set of reasons each 10 ms, bits without a name among them."""
        return ClocksEventReason(now_ns // (10 * MS) % 0x1000)

    @staticmethod
    def sent_bytes(now_ns: int) -> int:
        """Faster and faster."""
        ms = (now_ns - START_NS) // MS
        return 5_000_000_000 + ms * ms * 1_000


class World:
    """A host with one board; with MIG on, one small GPU instance after another is cut out of it."""

    def __init__(self, board: str, *, instances: int = 0, meters: object | None = None) -> None:
        self.now_ns = START_NS
        self.meters = meters or KnownMeters()
        self.store = MemoryStore([board])
        self.driver = self.open()
        self.mig = instances > 0
        self.gpu_uuid = self.driver.uuid(self.driver.device_by_index(0))
        if self.mig:
            self.cut(instances)

    def open(self, *, privileged: bool = True) -> SimulatedDriver:
        return SimulatedDriver(self.store, privileged=privileged, meters=self.meters, clock=lambda: self.now_ns)

    def cut(self, instances: int) -> None:
        gpu = self.driver.device_by_index(0)
        if self.driver.set_mig_mode(gpu, enabled=True) is not None:
            self.driver.reset(gpu)
        gpu = self.driver.device_by_index(0)
        for _ in range(instances):
            self.add_instance()

    def add_instance(self, slot: int = 0) -> None:
        gpu = self.driver.device_by_index(0)
        profile = self.driver.gpu_instance_profile(gpu, slot)
        instance = self.driver.create_gpu_instance(gpu, profile.id)
        whole = next(
            p for p in compute_instance_profiles(self.driver, instance) if p.slice_count == profile.slice_count
        )
        self.driver.create_compute_instance(instance, whole.id)

    def remove_instance(self, gpu_instance_id: int) -> None:
        instance = self.driver.gpu_instance_by_id(self.driver.device_by_index(0), gpu_instance_id)
        for profile in compute_instance_profiles(self.driver, instance):
            for compute in self.driver.compute_instances(instance, profile.id):
                self.driver.destroy_compute_instance(compute)
        self.driver.destroy_gpu_instance(instance)

    @property
    def partitions(self) -> tuple[Partition, ...]:
        return discover(self.driver, offer_cpu=False).partitions

    def instance_id(self, partition: Partition) -> int | None:
        return self.driver.gpu_instance_id_of(self.driver.device_by_uuid(partition.uuid)) if self.mig else None

    def sources(self, driver: Driver | None = None, partition: Partition | None = None) -> tuple[Source, ...]:
        """All that a run on the first partition is watched by."""
        driver, partition = driver or self.driver, partition or self.partitions[0]
        return (*board_sources(driver, self.gpu_uuid, self.mig), *partition_sources(driver, partition))

    def read(self, sources: Iterable[Source]) -> dict[str, float | Absence | None]:
        """Read all sources now: of each metric its value, or why it has none."""
        seen: dict[str, float | Absence | None] = {}
        for source in sources:
            row = source.read(self.now_ns)
            for index, metric in enumerate(source.metrics):
                assert metric.name not in seen
                value = float(row[index])
                reason = source.why_not(index)
                assert math.isnan(value) or reason is None
                seen[metric.name] = reason if math.isnan(value) else value
        return seen

    def after(self, passed_ns: int, sources: Iterable[Source]) -> dict[str, float | Absence | None]:
        """Let time pass, then read."""
        self.now_ns += passed_ns
        return self.read(sources)
