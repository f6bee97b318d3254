"""CPU and memory of a process and its descendants, read from the kernel's files under /proc.

Read directly, because it happens at every sample beside the payload that is measured: one small read a process, where
psutil opens and parses three files of each and walks over every process of the host to find descendants.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from migperf.metrics.metric import Metric, Scope
from migperf.metrics.source import SourceError

MIB = 1 << 20
NS_PER_S = 1_000_000_000
RESCAN_NS = NS_PER_S
"""Descendants come and go rarely, so not every sample looks for new ones."""
_STAT_BYTES = 1024
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_CHILDREN_LISTED = Path("/proc/thread-self/children").exists()


@dataclass(frozen=True, slots=True)
class ProcessStat:
    """What /proc/PID/stat says of one process (proc_pid_stat(5)): CPU time its ended children included, seconds."""

    cpu_s: float
    threads: int
    rss_bytes: int

    @classmethod
    def parse(cls, line: bytes) -> "ProcessStat":
        """Read the line; the command's name may hold anything, so fields are counted from its last parenthesis."""
        fields = line[line.rindex(b")") + 2 :].split()
        ticks = sum(int(field) for field in fields[11:15])
        return cls(ticks / _TICKS_PER_S, int(fields[17]), int(fields[21]) * _PAGE_BYTES)


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
        self._root = pid
        self._files: dict[int, int] = {}
        self._scanned_ns: int | None = None
        self._last: _CpuTime | None = None

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """See Source."""
        units = {"cpu": "cores", "rss": "MiB", "threads": "1"}
        return tuple(Metric(name=n, unit=u, scope=Scope.PROCESS_TREE, source="procfs") for n, u in units.items())

    def read(self, now_ns: int) -> Mapping[str, float]:
        """See Source."""
        self._rescan(now_ns)
        stats = list(self._read_all())
        cpu_s = sum(stat.cpu_s for stat in stats)
        values = {
            "rss": sum(stat.rss_bytes for stat in stats) / MIB,
            "threads": float(sum(stat.threads for stat in stats)),
        }
        if (rate := self._cpu_rate(now_ns, cpu_s)) is not None:
            values["cpu"] = rate
        return values

    def close(self) -> None:
        """See Source."""
        for pid in list(self._files):
            self._forget(pid)

    def _read_all(self) -> Iterator[ProcessStat]:
        for pid, file in list(self._files.items()):
            try:
                yield ProcessStat.parse(os.pread(file, _STAT_BYTES, 0))
            except ProcessLookupError as error:
                self._forget(pid)
                if pid == self._root:
                    raise SourceError("the process has ended") from error

    def _rescan(self, now_ns: int) -> None:
        """Open the file of each process of the tree that is new; an open file keeps meaning the same process."""
        if self._scanned_ns is not None and now_ns - self._scanned_ns < RESCAN_NS:
            return
        self._scanned_ns = now_ns
        present = {self._root, *descendants(self._root)}
        for pid in self._files.keys() - present:
            self._forget(pid)
        for pid in present - self._files.keys():
            try:
                self._files[pid] = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError as error:
                if pid == self._root:
                    raise SourceError("the process has ended") from error

    def _forget(self, pid: int) -> None:
        os.close(self._files.pop(pid))

    def _cpu_rate(self, now_ns: int, cpu_s: float) -> float | None:
        """Return cores used since the last reading; None at first, and when a process left the sum uncounted."""
        last, self._last = self._last, _CpuTime(now_ns, cpu_s)
        if last is None or now_ns <= last.at_ns or cpu_s < last.seconds:
            return None
        return (cpu_s - last.seconds) * NS_PER_S / (now_ns - last.at_ns)


def descendants(pid: int) -> Iterator[int]:
    """Yield the pids of a process's children and theirs, as /proc/PID/task/TID/children lists them.

    A kernel built without these files (CONFIG_PROC_CHILDREN) leaves the long way, over every process of the host.
    """
    if not _CHILDREN_LISTED:
        yield from (child.pid for child in psutil.Process(pid).children(recursive=True))
        return
    for task in _listed(Path(f"/proc/{pid}/task")):
        for child in _words(Path(f"/proc/{pid}/task/{task}/children")):
            yield int(child)
            yield from descendants(int(child))


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
