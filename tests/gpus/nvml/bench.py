"""One way to handle the two backends in tests: a driver, and what happens to its host."""

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from migperf.gpus.driver import Driver
from migperf.gpus.nvml.backend import NvmlLibrary
from migperf.gpus.simulation.driver import SimulatedDriver
from migperf.gpus.simulation.stores import MemoryStore
from tests.gpus.nvml.fake_host import FakeHost


class Bench(Protocol):
    """A host with GPUs; they are meant by their index."""

    @property
    def driver(self) -> Driver: ...

    def add_process(self, pid: int, name: str, device_uuid: str, used_bytes: int) -> None: ...

    def end_process(self, pid: int) -> None: ...

    def reset(self, index: int) -> None: ...

    def reboot(self) -> None: ...

    def lose(self, index: int) -> None: ...

    def unprivileged(self) -> AbstractContextManager[Driver]:
        """A driver of a process without rights, on the same host."""
        ...

    def set_meters(self, index: int, *, power_mw: int = 0, energy_mj: int = 0, utilization_pct: int = 0) -> None: ...

    def set_gpm(self, index: int, metric_id: int, value: float) -> None: ...

    def pass_time(self, seconds: float) -> None:
        """Let time pass for GPM."""
        ...


class LibraryBench:
    """NVML through pynvml, on the C model."""

    def __init__(self, host: FakeHost, driver: NvmlLibrary) -> None:
        self.host = host
        self.driver: Driver = driver
        self.add_process = host.add_process
        self.end_process = host.so.fake_end_process
        self.reset = host.so.fake_reset
        self.reboot = host.so.fake_reboot
        self.lose = host.so.fake_lose
        self.set_meters = host.set_meters
        self.set_gpm = host.set_gpm
        self.pass_time = time.sleep

    @contextmanager
    def unprivileged(self) -> Iterator[Driver]:
        self.host.so.fake_set_privileged(False)
        yield self.driver
        self.host.so.fake_set_privileged(True)


class Readings:
    """What the meters of the simulated GPUs show: what the test has set."""

    def __init__(self) -> None:
        self.by_uuid: dict[str, tuple[int, int, int]] = {}
        self.metrics: dict[tuple[str, int], float] = {}

    def power_mw(self, gpu_uuid: str, now_ns: int) -> int:
        return self.by_uuid[gpu_uuid][0]

    def energy_mj(self, gpu_uuid: str, now_ns: int) -> int:
        return self.by_uuid[gpu_uuid][1]

    def utilization_pct(self, gpu_uuid: str, now_ns: int) -> int:
        return self.by_uuid[gpu_uuid][2]

    def gpm(
        self, gpu_uuid: str, gpu_instance_id: int | None, metric_id: int, window_ns: tuple[int, int]
    ) -> float | None:
        return self.metrics.get((gpu_uuid, metric_id))


class SimulatedBench:
    """The simulated driver, with a clock that the test moves."""

    def __init__(self, boards: Sequence[str]) -> None:
        self.readings = Readings()
        self.now_ns = 0
        self.store = MemoryStore(boards)
        self.simulated = self._open(privileged=True)
        self.driver: Driver = self.simulated
        self.gpus = [self.driver.device_by_index(index) for index in range(len(boards))]
        self.uuids = [self.driver.uuid(gpu) for gpu in self.gpus]
        self.add_process = self.simulated.add_process
        self.end_process = self.simulated.end_process
        self.reboot = self.simulated.reboot

    def _open(self, *, privileged: bool) -> SimulatedDriver:
        return SimulatedDriver(self.store, privileged=privileged, meters=self.readings, clock=lambda: self.now_ns)

    def reset(self, index: int) -> None:
        self.simulated.reset(self.gpus[index])

    def lose(self, index: int) -> None:
        self.simulated.lose(self.gpus[index])

    @contextmanager
    def unprivileged(self) -> Iterator[Driver]:
        yield self._open(privileged=False)

    def set_meters(self, index: int, *, power_mw: int = 0, energy_mj: int = 0, utilization_pct: int = 0) -> None:
        self.readings.by_uuid[self.uuids[index]] = (power_mw, energy_mj, utilization_pct)

    def set_gpm(self, index: int, metric_id: int, value: float) -> None:
        self.readings.metrics[self.uuids[index], metric_id] = value

    def pass_time(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)
