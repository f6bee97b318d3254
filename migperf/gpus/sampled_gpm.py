"""Averages of GPM metrics reading by reading, on whatever can sample; the real driver has a faster way of its own."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from migperf.gpus.driver import Device, GpmSample, GpmValue
from migperf.gpus.nvml_errors import NvmlError, NvmlNoDataError
from migperf.native.moments import ROOM, Moments


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
        self._moments = Moments()
        self._samples: list[GpmSample | None] = [None] * ROOM
        self._values: npt.NDArray[np.float64] = np.full(len(self._metric_ids), np.nan)
        self._codes: npt.NDArray[np.int32] = np.zeros(len(self._metric_ids), np.int32)

    def read(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
        """Take a sample and return averages since the latest that is more than 100 ms old (see ``GpmReader``)."""
        try:
            self._take()
        except NvmlError:
            self.close()
            raise
        return self._values, self._codes

    def close(self) -> None:
        """Let go of the samples."""
        self._moments.drop()
        self._samples = [None] * ROOM

    def _take(self) -> None:
        number = self._moments.earlier(self._clock())
        earlier = None if number is None else self._samples[number % ROOM]
        later = self._driver.gpm_sample(self._device, self._gpu_instance_id)
        # Timed after it was taken, so that what counts as more than 100 ms old certainly is.
        self._samples[self._moments.begin() % ROOM] = later
        self._moments.keep(self._clock())
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
