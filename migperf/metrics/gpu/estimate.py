"""An estimate of an instance's share of its board's power: no board has a meter for a part of it.

The model: what the board takes above idle is shared among its GPU instances by how many of their multiprocessors were
active, P_i = (P_board - P_idle) * w_i / sum of w_j with w = SM activity * SMs. "On the Partitioning of GPU Power among
Multi-Instances" (arXiv 2501.17752) discusses such models and fits better ones. This one ignores what multiprocessors do
while they are active (tensor products take more than waiting), traffic to memory and over PCIe as such, what the copy
engines and decoders do, the clock, and leakage that grows with heat. Idle power it attributes to nobody.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from migperf.gpus.driver import Driver
from migperf.gpus.nvml_errors import NvmlError
from migperf.gpus.partition import Partition, PartitionKind
from migperf.metrics import catalogue
from migperf.metrics.absence import Absence, AbsenceState, absence_of
from migperf.metrics.gpu.asking import ask_again_ns
from migperf.metrics.gpu.handle import Handle
from migperf.metrics.gpu.instance_activity import Activity, InstanceActivity
from migperf.metrics.gpu.mean_power import MeanPower
from migperf.metrics.metric import NS_PER_S, Metric, Scope
from migperf.metrics.source import Row

ESTIMATE_PERIOD_NS = NS_PER_S
"""Long enough for a difference of the energy counter to be as good as its update period allows."""
IDLE_PCT = 0.5
"""An instance whose multiprocessors were active for less than this is idle."""
_WHOLE = Absence(AbsenceState.NOT_SUPPORTED, "only GPU instances share a board; a whole GPU's power is its board's")
_GONE = Absence(AbsenceState.LOST, "there is no such MIG device on this GPU any more")
_NO_IDLE = Absence(AbsenceState.NO_DATA, "the board's power with all its instances idle has not been seen yet")


def shares_w(power_w: float, idle_w: float, activities: Mapping[int, Activity]) -> dict[int, float]:
    """Return the power above idle, W, that the model gives to each GPU instance (by id); 0 while none is active."""
    total = sum(activity.busy_sms for activity in activities.values())
    above_w = max(0.0, power_w - idle_w)
    return {
        instance_id: activity.busy_sms / total * above_w if total > 0 else 0.0
        for instance_id, activity in activities.items()
    }


class PowerShares:
    """The estimate for all GPU instances of one GPU, for all runs on it: worked out once a period, whoever asks.

    Idle power is the lowest that was seen while all instances were idle, and is kept while nobody asks. Threads may
    use it together: one sampler of the GPU can still be closing when the next begins.
    """

    def __init__(self, driver: Driver, gpu_uuid: str, period_ns: int = ESTIMATE_PERIOD_NS) -> None:
        """``period_ns`` is about how long each estimate is a mean over. Makes no call yet."""
        self.period_ns = period_ns
        self.idle_w: float | None = None
        self._driver, self._gpu_uuid = driver, gpu_uuid
        self._meters: _Meters | None = None
        self._shares_w: Mapping[int, float] = {}
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
            if self._users == 0 and self._meters is not None:
                self._meters.activity.close()
                self._meters, self._shares_w, self._due_ns = None, {}, 0

    def share(self, mig_uuid: str, now_ns: int) -> tuple[float, Absence | None]:
        """Return the share of the GPU instance that a MIG device is in, W; or NaN and why, None if it is too early."""
        with self._lock:
            meters = self._opened()
            if now_ns >= self._due_ns:
                self._update(meters, now_ns)
            if not self._shares_w:
                return np.nan, self._absence
            instance_id = meters.activity.instance_ids.get(mig_uuid)
            return (np.nan, _GONE) if instance_id is None else (self._shares_w[instance_id], None)

    def _opened(self) -> "_Meters":
        if self._meters is None:
            gpu = Handle(self._driver, self._gpu_uuid)
            self._meters = _Meters(gpu, InstanceActivity(gpu), MeanPower(gpu))
        return self._meters

    def _update(self, meters: "_Meters", now_ns: int) -> None:
        # Runs that ask at different times within a period are told the same.
        self._due_ns = now_ns + self.period_ns * 3 // 4
        self._shares_w, self._absence = {}, None
        try:
            self._work_out(meters, now_ns)
        except NvmlError as error:
            self._absence = absence_of(error)
            meters.activity.close()
            meters.gpu.forget()
        if self._absence is not None:
            self._due_ns = max(self._due_ns, ask_again_ns(self._absence, now_ns))

    def _work_out(self, meters: "_Meters", now_ns: int) -> None:
        power_w = meters.power.read(now_ns)
        activities = meters.activity.read()
        self._absence = activities.absence or meters.power.absence
        if self._absence is not None or activities.too_early or np.isnan(power_w):
            return
        if all(activity.sm_active_pct < IDLE_PCT for activity in activities.by_instance.values()):
            self.idle_w = power_w if self.idle_w is None else min(self.idle_w, power_w)
        if self.idle_w is None:
            self._absence = _NO_IDLE
            return
        self._shares_w = shares_w(power_w, self.idle_w, activities.by_instance)


@dataclass(frozen=True, slots=True)
class _Meters:
    """What is read of the GPU while somebody asks."""

    gpu: Handle
    activity: InstanceActivity
    power: MeanPower


class EstimateSource:
    """A ``Source`` of the estimate for one partition."""

    def __init__(self, shares: PowerShares, partition: Partition) -> None:
        """Ask ``shares``, which the runs on its GPU have in common."""
        self._cut = partition.kind is PartitionKind.MIG
        scope = Scope.INSTANCE if self._cut else Scope.GPU
        period_ns = self.period_ns = shares.period_ns
        self.metrics = (
            Metric.of(catalogue.POWER_ESTIMATE, scope, "estimate", period_ns=period_ns, lookback_ns=period_ns),
        )
        self._shares, self._uuid = shares, partition.uuid
        self._joined = False
        self._row: Row = np.full(1, np.nan)
        self._absence: Absence | None = None if self._cut else _WHOLE

    def read(self, now_ns: int) -> Row:
        """See Source."""
        if self._cut:
            if not self._joined:
                self._shares.join()
                self._joined = True
            self._row[0], self._absence = self._shares.share(self._uuid, now_ns)
        return self._row

    def why_not(self, index: int) -> Absence | None:  # noqa: ARG002 - there is one metric
        """See Source."""
        return self._absence

    def close(self) -> None:
        """See Source."""
        if self._joined:
            self._joined = False
            self._shares.leave()
