"""Averages of GPM metrics reading by reading, on whatever can sample; and the rule of which samples they lie between.

The real driver has a faster way of its own (``nvml/gpm_reader.py``), which follows the same rule.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from migperf.gpus.driver import Device, GpmSample, GpmValue
from migperf.gpus.nvml_errors import NvmlError, NvmlNoDataError

SHORTEST_WINDOW_NS = 100_000_000
"""Two samples must be further apart than this (nvml.h on nvmlGpmMetricsGet)."""

Sample = TypeVar("Sample")


class EarlierSamples(Generic[Sample]):
    """The samples that averages still may begin at, by when each was complete."""

    def __init__(self, let_go: Callable[[Sample], None]) -> None:
        """Hand samples that no average will begin at any more to ``let_go``."""
        self._let_go = let_go
        self._kept: deque[tuple[int, Sample]] = deque()

    def before(self, now_ns: int) -> Sample | None:
        """Return the latest that is more than 100 ms older than ``now_ns``, None if there is none."""
        kept, last = self._kept, now_ns - SHORTEST_WINDOW_NS
        while len(kept) > 1 and kept[1][0] < last:
            self._let_go(kept.popleft()[1])
        return kept[0][1] if kept and kept[0][0] < last else None

    def add(self, time_ns: int, sample: Sample) -> None:
        """Keep one that was complete at this time."""
        self._kept.append((time_ns, sample))

    def drop(self) -> None:
        """Let go of all: no average begins before now."""
        while self._kept:
            self._let_go(self._kept.popleft()[1])


class CanSample(Protocol):
    """The part of a ``Driver`` that is needed here."""

    def gpm_sample(self, device: Device, gpu_instance_id: int | None = None) -> GpmSample:
        """Take a sample."""
        ...

    def gpm_metrics(self, earlier: GpmSample, later: GpmSample, metric_ids: Sequence[int]) -> tuple[GpmValue, ...]:
        """Return averages between two samples."""
        ...


class SampledGpm:
    """A ``GpmReader`` made of the calls ``gpm_sample`` and ``gpm_metrics``."""

    def __init__(
        self,
        driver: CanSample,
        device: Device,
        gpu_instance_id: int | None,
        metric_ids: Sequence[int],
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Read these metrics (NVML_GPM_METRIC_*) of a GPU or of a GPU instance of it; ``clock`` in ns."""
        self._driver = driver
        self._device, self._gpu_instance_id = device, gpu_instance_id
        self._metric_ids = tuple(metric_ids)
        self._clock = clock
        self._earlier = EarlierSamples[GpmSample](lambda _: None)
        self._values: npt.NDArray[np.float64] = np.full(len(self._metric_ids), np.nan)
        self._codes: npt.NDArray[np.int32] = np.zeros(len(self._metric_ids), np.int32)

    def read(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
        """Take a sample and return averages since the latest that is more than 100 ms old (see ``GpmReader``)."""
        try:
            self._take()
        except NvmlError:
            self._earlier.drop()
            raise
        return self._values, self._codes

    def close(self) -> None:
        """Let go of the samples."""
        self._earlier.drop()

    def _take(self) -> None:
        earlier = self._earlier.before(self._clock())
        later = self._driver.gpm_sample(self._device, self._gpu_instance_id)
        # Timed after it was taken, so that what counts as more than 100 ms old certainly is.
        self._earlier.add(self._clock(), later)
        self._values.fill(np.nan)
        self._codes.fill(0)
        if earlier is not None:
            for index, answer in enumerate(self._driver.gpm_metrics(earlier, later, self._metric_ids)):
                self._values[index], self._codes[index] = _value_and_code(answer)


def _value_and_code(answer: GpmValue) -> tuple[float, int]:
    if answer.error is not None:
        return np.nan, answer.error.nvml_code
    if answer.value is None or np.isnan(answer.value):
        return np.nan, NvmlNoDataError.code
    return answer.value, 0
