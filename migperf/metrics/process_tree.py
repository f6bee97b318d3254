"""CPU and memory of a process and its descendants, read from the kernel's files under /proc.

Read directly, because it happens at every sample beside the payload that is measured: one small read a process, where
psutil opens and parses three files of each and walks over every process of the host to find descendants.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from migperf.metrics.absence import Absence
from migperf.metrics.catalogue import CPU, RSS, THREADS
from migperf.metrics.metric import NS_PER_S, Metric, Scope
from migperf.metrics.rate import Rate
from migperf.metrics.source import Row, SourceEndedError

MIB = 1 << 20
RESCAN_NS = NS_PER_S
"""Descendants come and go rarely, so not every sample looks for new ones."""
ENDED = "the process has ended"
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
        ticks = int(fields[11]) + int(fields[12]) + int(fields[13]) + int(fields[14])
        return cls(ticks / _TICKS_PER_S, int(fields[17]), int(fields[21]) * _PAGE_BYTES)


class ProcessTreeSource:
    """CPU use, resident memory and threads of a process tree.

    ``cpu`` is the processor time used since the last reading per time passed: 1.0 is one core kept busy. It counts the
    descendants that have ended since (the kernel adds their time to their parent's when it has waited for them), and
    those that began since the last look for new ones; what so comes in a lump is averaged over the time that the
    host's processors needed for it.
    ``rss`` adds up resident sets, so a page shared by two processes counts twice.
    """

    def __init__(self, pid: int) -> None:
        self._root = pid
        self._files: dict[int, int] = {}
        self._scanned_ns: int | None = None
        self._cores = Rate(most_per_s=os.cpu_count() or 1)
        self._row = np.empty(3)
        self._metrics = tuple(Metric.of(q, Scope.PROCESS_TREE, "procfs") for q in (CPU, RSS, THREADS))

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """See Source."""
        return self._metrics

    @property
    def period_ns(self) -> int:
        """See Source."""
        return 0

    def read(self, now_ns: int) -> Row:
        """See Source. CPU time comes in ticks, so a process may seem to have used two more than it did."""
        self._rescan(now_ns)
        stats = self._read_all()
        cpu_s = sum(stat.cpu_s for stat in stats)
        self._row[0] = self._cores.since_last(now_ns, cpu_s, grain=2 * len(stats) / _TICKS_PER_S)
        self._row[1] = sum(stat.rss_bytes for stat in stats) / MIB
        self._row[2] = sum(stat.threads for stat in stats)
        return self._row

    def why_not(self, index: int) -> Absence | None:  # noqa: ARG002
        """See Source. Only a rate can be missing, and that for want of an earlier reading."""
        return None

    def close(self) -> None:
        """See Source."""
        for pid in list(self._files):
            self._forget(pid)

    def _read_all(self) -> list[ProcessStat]:
        """Read parents before their children: a child that ends in between is then missed, never counted twice."""
        stats = []
        for pid, file in list(self._files.items()):
            try:
                stats.append(stat := ProcessStat.parse(os.pread(file, _STAT_BYTES, 0)))
            except ProcessLookupError as error:
                self._forget(pid)
                if pid == self._root:
                    raise SourceEndedError(ENDED) from error
                continue
            # The kernel takes a process's memory first when it ends, and keeps the rest until its parent has waited for
            # it. None at all is then no reading of how much it holds.
            if pid == self._root and not stat.rss_bytes:
                raise SourceEndedError(ENDED)
        return stats

    def _rescan(self, now_ns: int) -> None:
        """Open the file of each process of the tree that is new; an open file keeps meaning the same process."""
        if self._scanned_ns is not None and now_ns - self._scanned_ns < RESCAN_NS:
            return
        self._scanned_ns = now_ns
        present = dict.fromkeys((self._root, *descendants(self._root)))
        for pid in self._files.keys() - present.keys():
            self._forget(pid)
        for pid in present:
            if pid not in self._files:
                self._open(pid)

    def _open(self, pid: int) -> None:
        try:
            self._files[pid] = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, ProcessLookupError) as error:
            if pid == self._root:
                raise SourceEndedError(ENDED) from error

    def _forget(self, pid: int) -> None:
        os.close(self._files.pop(pid))


def descendants(pid: int) -> Iterator[int]:
    """Yield the pids of a process's children and theirs, parents first, as /proc/PID/task/TID/children lists them.

    A kernel built without these files (CONFIG_PROC_CHILDREN) leaves the long way, over every process of the host.
    """
    if not _CHILDREN_LISTED:
        yield from _found_by_search(pid)
        return
    for task in _listed(Path(f"/proc/{pid}/task")):
        for child in _words(Path(f"/proc/{pid}/task/{task}/children")):
            yield int(child)
            yield from descendants(int(child))


def _found_by_search(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, ProcessLookupError):
        return []


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
