"""Processors and memory of the whole host: what else was going on there while a run was measured."""

import resource
from pathlib import Path

import numpy as np
import psutil

from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.catalogue import HOST_CPU, HOST_MEMORY_AVAILABLE, HOST_SWAPPED
from migperf.metrics.metric import NS_PER_S, Metric, Scope
from migperf.metrics.rate import NO_VALUE, Rate
from migperf.metrics.source import Row

MIB = 1 << 20
PERIOD_NS = NS_PER_S
PROCFS = Path("/proc")
NOT_COUNTED = Absence(
    AbsenceState.NOT_SUPPORTED, "the kernel does not count swapped pages (pswpin and pswpout of /proc/vmstat)"
)
_SWAPPED = 2
_PAGE_BYTES = resource.getpagesize()


class HostSource:
    """Processors busy (cores), memory available (MiB) and memory swapped (MiB/s) of the host.

    They are about the machine as its kernel sees it, every container and user on it included: in a container whose
    cgroup has less processors or memory than the machine, these are still the machine's, and a limit does not show.
    Busy is what ran in user or kernel mode, interrupts included; waiting for I/O is not, nor is what a hypervisor
    gave to others.
    """

    def __init__(self, procfs: Path = PROCFS) -> None:
        self._vmstat = procfs / "vmstat"
        self._busy, self._swapped = Rate(), Rate()
        self._swap_counted = True
        self._row = np.empty(3)
        self._metrics = tuple(
            Metric.of(quantity, Scope.HOST, "procfs", period_ns=PERIOD_NS)
            for quantity in (HOST_CPU, HOST_MEMORY_AVAILABLE, HOST_SWAPPED)
        )

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """See Source."""
        return self._metrics

    @property
    def period_ns(self) -> int:
        """See Source."""
        return PERIOD_NS

    def read(self, now_ns: int) -> Row:
        """See Source."""
        self._row[0] = self._busy.since_last(now_ns, _busy_s())
        self._row[1] = psutil.virtual_memory().available / MIB
        self._row[2] = self._swap_rate(now_ns)
        return self._row

    def why_not(self, index: int) -> Absence | None:
        """See Source."""
        return NOT_COUNTED if index == _SWAPPED and not self._swap_counted else None

    def close(self) -> None:
        """See Source."""

    def _swap_rate(self, now_ns: int) -> float:
        """Return MiB/s. Not by psutil, which answers 0 where the kernel does not count."""
        pages = swapped_pages(self._vmstat)
        self._swap_counted = pages is not None
        return NO_VALUE if pages is None else self._swapped.since_last(now_ns, pages * _PAGE_BYTES / MIB)


def swapped_pages(vmstat: Path) -> int | None:
    """Return the pages swapped in and out since the host began, from /proc/vmstat; None where they aren't counted."""
    counts = dict(line.split() for line in vmstat.read_bytes().splitlines() if line.startswith(b"pswp"))
    try:
        return int(counts[b"pswpin"]) + int(counts[b"pswpout"])
    except KeyError:
        return None


def _busy_s() -> float:
    """Return the processor time of all cores since the host began, seconds; guests run within user time."""
    times = psutil.cpu_times()
    return times.user + times.nice + times.system + times.irq + times.softirq
