"""CPU and memory of a process and its descendants, read from the kernel by psutil."""

from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from migperf.metrics.metric import Metric, Scope
from migperf.metrics.source import SourceError

MIB = 1 << 20
NS_PER_S = 1_000_000_000
RESCAN_NS = 2 * NS_PER_S
"""Looking for new descendants walks over every process of the host, so not every sample does it."""


@dataclass(slots=True)
class _CpuTime:
    at_ns: int
    seconds: float


class ProcessTreeSource:
    """CPU use and resident memory of a process tree.

    ``cpu`` is the processor time used since the last reading per time passed: 1.0 is one core kept busy. It counts the
    descendants that have ended since (the kernel adds their time to their parent's when it has waited for them).
    ``rss`` adds up resident sets, so a page shared by two processes counts twice.
    """

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._tree = [self._root]
        self._scanned_ns: int | None = None
        self._last: _CpuTime | None = None

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """See Source."""
        units = {"cpu": "cores", "rss": "MiB", "threads": "1"}
        return tuple(Metric(name=n, unit=u, scope=Scope.PROCESS_TREE, source="psutil") for n, u in units.items())

    def read(self, now_ns: int) -> Mapping[str, float]:
        """See Source."""
        self._rescan(now_ns)
        cpu_s, rss_bytes, threads = 0.0, 0, 0
        for process in self._tree:
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    cpu_s += times.user + times.system + times.children_user + times.children_system
                    rss_bytes += process.memory_info().rss
                    threads += process.num_threads()
            except psutil.NoSuchProcess as error:
                if process is self._root:
                    raise SourceError("the process has ended") from error
        values = {"rss": rss_bytes / MIB, "threads": float(threads)}
        if (rate := self._cpu_rate(now_ns, cpu_s)) is not None:
            values["cpu"] = rate
        return values

    def _rescan(self, now_ns: int) -> None:
        if self._scanned_ns is not None and now_ns - self._scanned_ns < RESCAN_NS:
            return
        try:
            self._tree = [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess as error:
            raise SourceError("the process has ended") from error
        self._scanned_ns = now_ns

    def _cpu_rate(self, now_ns: int, cpu_s: float) -> float | None:
        """Return cores used since the last reading; None at first, and when a process left the sum uncounted."""
        last, self._last = self._last, _CpuTime(now_ns, cpu_s)
        if last is None or now_ns <= last.at_ns or cpu_s < last.seconds:
            return None
        return (cpu_s - last.seconds) * NS_PER_S / (now_ns - last.at_ns)
