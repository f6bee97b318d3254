"""What a process and its descendants read from storage and write to it, from /proc/PID/io by psutil.

A source of its own, because it is read seldom: a payload's I/O is told well enough once a second, and the files of
each process have to be opened anew.
"""

import numpy as np
import psutil

from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.catalogue import IO_READ, IO_WRITTEN
from migperf.metrics.metric import NS_PER_S, Metric, Scope
from migperf.metrics.process_tree import ENDED, MIB, descendants
from migperf.metrics.rate import Rate
from migperf.metrics.source import Row, SourceEndedError

PERIOD_NS = NS_PER_S
NOT_COUNTED = Absence(
    AbsenceState.NOT_SUPPORTED, "the kernel does not count the I/O of processes (CONFIG_TASK_IO_ACCOUNTING)"
)


class ProcessIoSource:
    """Storage read and written by a process tree, MiB/s.

    Read is what had to be fetched from storage, page faults on mapped files included; what the page cache answers does
    not count, nor do sockets and pipes. Written is what was made to be sent to storage: buffered writes count for the
    process that made the page dirty, when it did so (proc_pid_io(5)). When a process has been waited for, the kernel
    adds its counts to its parent's, so the sum over the tree goes on. A descendant whose parent ended before it leaves
    the tree with what it has counted, which shows as readings without a value.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._root: psutil.Process | None = None
        self._rates = (Rate(), Rate())
        self._absence: Absence | None = None
        self._row = np.full(2, np.nan)
        self._metrics = tuple(
            Metric.of(quantity, Scope.PROCESS_TREE, "procfs", period_ns=PERIOD_NS) for quantity in (IO_READ, IO_WRITTEN)
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
        self._row[:] = np.nan
        self._absence = None
        if not hasattr(psutil.Process, "io_counters"):
            self._absence = NOT_COUNTED
            return self._row
        try:
            totals = self._totals()
        except psutil.AccessDenied as error:
            self._absence = _denied(error)
            return self._row
        for index, rate in enumerate(self._rates):
            self._row[index] = rate.since_last(now_ns, totals[index] / MIB)
        return self._row

    def why_not(self, index: int) -> Absence | None:  # noqa: ARG002
        """See Source."""
        return self._absence

    def close(self) -> None:
        """See Source."""

    def _totals(self) -> tuple[int, int]:
        """Return the bytes that the tree has read and written. Raises psutil.AccessDenied for any process of it.

        Parents are read before their children: one that ends in between is then missed once, never counted twice.
        """
        read, written = _bytes_of(self._living_root())
        for pid in descendants(self._pid):
            try:
                more_read, more_written = _bytes_of(psutil.Process(pid))
            except psutil.NoSuchProcess:
                continue
            read, written = read + more_read, written + more_written
        return read, written

    def _living_root(self) -> psutil.Process:
        """Return the process that is watched, not one that was given its pid since."""
        try:
            self._root = self._root or psutil.Process(self._pid)
        except psutil.NoSuchProcess as error:
            raise SourceEndedError(ENDED) from error
        if not self._root.is_running():
            raise SourceEndedError(ENDED)
        return self._root


def _bytes_of(process: psutil.Process) -> tuple[int, int]:
    counted = process.io_counters()
    return counted.read_bytes, counted.write_bytes


def _denied(error: psutil.AccessDenied) -> Absence:
    reason = (
        f"/proc/{error.pid}/io cannot be read: the process belongs to another user, or hides from this one; "
        "a worker with CAP_SYS_PTRACE may read it"
    )
    return Absence(AbsenceState.NO_PERMISSION, reason)
