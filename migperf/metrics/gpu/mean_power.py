"""The mean power of a board between two readings, as the estimate needs it."""

import numpy as np

from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.gpu.handle import Handle
from migperf.metrics.gpu.power import power_source
from migperf.metrics.metric import NS_PER_S


class MeanPower:
    """By the difference of the energy counter; where there is none, by the sensor's average of the last second."""

    def __init__(self, gpu: Handle) -> None:
        self._source = power_source(gpu)
        names = [metric.name for metric in self._source.metrics]
        self._average, self._energy = names.index("power_average"), names.index("energy")
        self._last: tuple[int, float] | None = None
        self.absence: Absence | None = None
        """Why the last reading gave none; None if it is merely too early."""

    def read(self, now_ns: int) -> float:
        """Return the mean since the reading before, W; NaN where there is none."""
        row = self._source.read(now_ns)
        energy_j = float(row[self._energy])
        if np.isnan(energy_j):
            return self._from_sensor(float(row[self._average]))
        last, self._last = self._last, (now_ns, energy_j)
        self.absence = None
        if last is None or now_ns <= last[0]:
            return np.nan
        if energy_j < last[1]:
            self.absence = Absence(AbsenceState.NO_DATA, "the energy counter has gone back: the driver was loaded anew")
            return np.nan
        return (energy_j - last[1]) * NS_PER_S / (now_ns - last[0])

    def _from_sensor(self, average_w: float) -> float:
        self._last = None
        self.absence = self._source.why_not(self._energy) if np.isnan(average_w) else None
        return average_w
