"""How busy the other GPU instances of a board are: they share its power, its clocks and its links with a run."""

import threading
from collections.abc import Mapping

import numpy as np

from migperf.gpus.driver import Driver
from migperf.gpus.nvml_errors import NvmlError
from migperf.gpus.partition import Partition
from migperf.metrics import catalogue
from migperf.metrics.absence import Absence, AbsenceState, absence_of
from migperf.metrics.gpu.asking import ask_again_ns
from migperf.metrics.gpu.handle import Handle
from migperf.metrics.gpu.instance_activity import Activity, InstanceActivity
from migperf.metrics.metric import NS_PER_S, Metric, Scope
from migperf.metrics.source import Row

PERIOD_NS = NS_PER_S
_GONE = Absence(AbsenceState.LOST, "there is no such MIG device on this GPU any more")


def others_active_pct(activities: Mapping[int, Activity], instance_id: int) -> float:
    """Return the share of the multiprocessors of all instances but one that were active, %; 0 without others."""
    others = [activity for of, activity in activities.items() if of != instance_id]
    sm_count = sum(activity.sm_count for activity in others)
    return 100 * sum(activity.busy_sms for activity in others) / sm_count if sm_count else 0.0


class BoardActivity:
    """The SM activity of all GPU instances of one GPU, for all runs on it: read once a period, whoever asks.

    Threads may use it together: one sampler of the GPU can still be closing when the next begins.
    """

    def __init__(self, driver: Driver, gpu_uuid: str) -> None:
        """Make no call yet."""
        self._gpu = Handle(driver, gpu_uuid)
        self._meter = InstanceActivity(self._gpu)
        self._known: Mapping[int, Activity] = {}
        self._absence: Absence | None = None
        self._due_ns = 0
        self._users = 0
        self._lock = threading.Lock()

    def join(self) -> None:
        """Say that one more will ask from now on."""
        with self._lock:
            self._users += 1

    def leave(self) -> None:
        """Say that one will ask no more; after the last one nothing is held open."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._meter.close()
                self._known, self._due_ns = {}, 0

    def of_others(self, mig_uuid: str, now_ns: int) -> tuple[float, Absence | None]:
        """Return how active the instances beside that of a MIG device are, %; or NaN and why, None if too early."""
        with self._lock:
            if now_ns >= self._due_ns:
                self._update(now_ns)
            if not self._known:
                return np.nan, self._absence
            instance_id = self._meter.instance_ids.get(mig_uuid)
            if instance_id is None:
                return np.nan, _GONE
            return others_active_pct(self._known, instance_id), None

    def _update(self, now_ns: int) -> None:
        # Runs that ask at different times within a period are told the same.
        self._due_ns = now_ns + PERIOD_NS * 3 // 4
        try:
            read = self._meter.read()
            self._known, self._absence = ({} if read.too_early else read.by_instance), read.absence
        except NvmlError as error:
            self._known, self._absence = {}, absence_of(error)
            self._meter.close()
            self._gpu.forget()
        if self._absence is not None:
            self._due_ns = max(self._due_ns, ask_again_ns(self._absence, now_ns))


class NeighboursSource:
    """A ``Source`` of how busy the instances beside the one of a run are."""

    def __init__(self, board: BoardActivity, partition: Partition) -> None:
        """Ask ``board``, which the runs on its GPU have in common; the partition is a MIG device."""
        quantity, period_ns = catalogue.NEIGHBOURS_SM_ACTIVE, PERIOD_NS
        self.period_ns = period_ns
        self.metrics = (Metric.of(quantity, Scope.GPU, "gpm", period_ns=period_ns, lookback_ns=period_ns),)
        self._board, self._uuid = board, partition.uuid
        self._joined = False
        self._row: Row = np.full(1, np.nan)
        self._absence: Absence | None = None

    def read(self, now_ns: int) -> Row:
        """See Source."""
        if not self._joined:
            self._board.join()
            self._joined = True
        self._row[0], self._absence = self._board.of_others(self._uuid, now_ns)
        return self._row

    def why_not(self, index: int) -> Absence | None:  # noqa: ARG002 - there is one metric
        """See Source."""
        return self._absence

    def close(self) -> None:
        """See Source."""
        if self._joined:
            self._joined = False
            self._board.leave()
