"""Reels of GPM: averages that are asked for at each turn, into memory of its own, and looked at later."""

from collections.abc import Callable, Sequence
from math import nan

import numpy as np
import numpy.typing as npt
import pynvml  # type: ignore[import-untyped]

from migperf.gpus.nvml.gpm_requests import ENTRY, HEAD, SIZE
from migperf.native.compiled import pointer_to
from migperf.native.mechanism import Mechanism

FRAMES = 64


class GpmReel:
    """The ``Reel`` of a bank of GPM: a nvmlGpmMetricsGet_t to each slot of each frame."""

    def __init__(
        self, metric_ids: Sequence[int], slots: int, open_mechanism: Callable[[Sequence[int]], Mechanism]
    ) -> None:
        """``open_mechanism`` is told where the request of each slot is in the first frame.

        Those of a frame lie side by side, ``slots * SIZE`` bytes.
        """
        self.frames = FRAMES
        self._memory = np.zeros(FRAMES * slots * SIZE, np.uint8)
        shape, strides = (FRAMES, slots, len(metric_ids)), (slots * SIZE, SIZE, ENTRY.size)
        heads: npt.NDArray[np.uint32] = np.ndarray((FRAMES, slots, 2), np.uint32, self._memory, 0, (*strides[:2], 4))
        heads[:] = pynvml.NVML_GPM_METRICS_GET_VERSION, len(metric_ids)
        ids: npt.NDArray[np.uint32] = np.ndarray(shape, np.uint32, self._memory, HEAD.size, strides)
        ids[:] = metric_ids
        self._codes: npt.NDArray[np.int32] = np.ndarray(shape, np.int32, self._memory, HEAD.size + 4, strides)
        self._values: npt.NDArray[np.float64] = np.ndarray(shape, np.float64, self._memory, HEAD.size + 8, strides)
        self._values[:] = nan
        begin = pointer_to(self._memory)
        self.mechanism = open_mechanism([begin + slot * SIZE for slot in range(slots)])

    def expose(self, frame: int) -> bool:
        """See Reel."""
        return self.mechanism.expose(frame)

    def develop(self, frames: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
        """See Reel."""
        shape = (len(frames), -1)
        values, codes = self._values[frames].reshape(shape), self._codes[frames].reshape(shape)
        self._values[frames], self._codes[frames] = nan, 0
        return values, codes
