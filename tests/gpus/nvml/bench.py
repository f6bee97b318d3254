"""One way to handle the two backends in tests: a driver, and what happens to its host."""

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from migperf.gpus.driver import ClocksEventReason, Driver, Utilization
from migperf.gpus.nvml.backend import NvmlLibrary
from migperf.gpus.simulation.driver import SimulatedDriver
from migperf.gpus.simulation.meters import BoardReadings, InstanceReadings
from migperf.gpus.simulation.stores import MemoryStore
from tests.gpus.nvml.fake_host import GPM_FROM, GPM_TO, FakeHost, spread


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

    def set_meters(self, index: int, *, gpu_instance_id: int | None = None, **readings: int | None) -> None:
        """Let a GPU or GPU instance show these readings; see ``FakeHost.set_meters``."""
        ...

    def set_gpm(self, index: int, metric_id: int, value: float, *, gpu_instance_id: int | None = None) -> None: ...

    def report_xid(self, index: int, xid: int, device_uuid: str | None = None) -> None:
        """Report an error on a GPU, attributed to a MIG device of it if one is named."""
        ...

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

    def report_xid(self, index: int, xid: int, device_uuid: str | None = None) -> None:
        if device_uuid is None:
            self.host.report_xid(index, xid)
            return
        device = self.driver.device_by_uuid(device_uuid)
        ids = self.driver.gpu_instance_id_of(device), self.driver.compute_instance_id_of(device)
        self.host.report_xid(index, xid, *ids)

    @contextmanager
    def unprivileged(self) -> Iterator[Driver]:
        self.host.so.fake_set_privileged(False)
        yield self.driver
        self.host.so.fake_set_privileged(True)


class Readings:
    """What the meters of the simulated GPUs show: what the test has set."""

    def __init__(self) -> None:
        self.shown: dict[tuple[str, int | None], dict[str, int | None]] = {}
        self.metrics: dict[tuple[str, int | None, int], float] = {}

    def board(self, gpu_uuid: str, now_ns: int) -> BoardReadings:
        told = dict(self.shown.get((gpu_uuid, None), {}))
        busy = told.pop("utilization_gpu_pct", None), told.pop("utilization_memory_pct", 0)
        reasons = told.pop("clocks_event_reasons", None)
        return BoardReadings(
            utilization=None if busy[0] is None else Utilization(busy[0], busy[1]),
            clocks_event_reasons=None if reasons is None else ClocksEventReason(reasons),
            **told,
        )

    def instance(self, gpu_uuid: str, gpu_instance_id: int, now_ns: int) -> InstanceReadings:
        return InstanceReadings(**self.shown.get((gpu_uuid, gpu_instance_id), {}))

    def gpm(
        self, gpu_uuid: str, gpu_instance_id: int | None, metric_id: int, window_ns: tuple[int, int]
    ) -> float | None:
        if metric_id in (GPM_FROM, GPM_TO):
            return window_ns[metric_id - GPM_FROM] / 1e9
        return self.metrics.get((gpu_uuid, gpu_instance_id, metric_id))


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

    def set_meters(self, index: int, *, gpu_instance_id: int | None = None, **readings: int | None) -> None:
        shown = self.readings.shown.setdefault((self.uuids[index], gpu_instance_id), {})
        shown.update(spread(readings))

    def set_gpm(self, index: int, metric_id: int, value: float, *, gpu_instance_id: int | None = None) -> None:
        self.readings.metrics[self.uuids[index], gpu_instance_id, metric_id] = value

    def report_xid(self, index: int, xid: int, device_uuid: str | None = None) -> None:
        self.simulated.report_xid(device_uuid or self.uuids[index], xid)

    def pass_time(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)
