"""Reels of GPM: averages that are asked for at each turn, into memory of its own, and looked at later."""

from collections.abc import Callable, Sequence
from ctypes import c_void_p
from functools import partial
from math import nan
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pynvml  # type: ignore[import-untyped]

from migperf.gpus.nvml.calls import all_succeed
from migperf.gpus.nvml.gpm_requests import ENTRY, HEAD, SIZE

Span: TypeAlias = tuple[Sequence[int], Sequence[int]]
"""Addresses of the samples, by slot, that averages lie between."""
FRAMES = 64


class GpmReel:
    """The ``Reel`` of a bank of GPM: a nvmlGpmMetricsGet_t to each slot of each frame."""

    def __init__(
        self,
        ask: Callable[..., int],
        metric_ids: Sequence[int],
        slots: int,
        included: Sequence[int],
        take: Callable[[], Span | None],
    ) -> None:
        """Ask for the ``included`` slots with ``ask``, nvmlGpmMetricsGet.

        ``take`` takes a sample of each; None where that tells of no average.
        """
        self.frames = FRAMES
        self.over = False
        """Whether the bank includes something else by now."""
        self._take = take
        self._memory = np.zeros(FRAMES * slots * SIZE, np.uint8)
        self._offsets = [[(frame * slots + slot) * SIZE for slot in range(slots)] for frame in range(FRAMES)]
        shape, strides = (FRAMES, slots, len(metric_ids)), (slots * SIZE, SIZE, ENTRY.size)
        ids: npt.NDArray[np.uint32] = np.ndarray(shape, np.uint32, self._memory, HEAD.size, strides)
        ids[:] = metric_ids
        self._codes: npt.NDArray[np.int32] = np.ndarray(shape, np.int32, self._memory, HEAD.size + 4, strides)
        self._values: npt.NDArray[np.float64] = np.ndarray(shape, np.float64, self._memory, HEAD.size + 8, strides)
        self._values[:] = nan
        self._head = partial(HEAD.pack_into, self._memory.data)
        self._count = len(metric_ids)
        begin = self._memory.ctypes.data
        self._asks = [[partial(ask, c_void_p(begin + offsets[slot])) for slot in included] for offsets in self._offsets]

    def expose(self, frame: int) -> bool:
        """See Reel."""
        span = None if self.over else self._take()
        if span is None:
            return False
        for offset, first, second in zip(self._offsets[frame], *span, strict=True):
            self._head(offset, pynvml.NVML_GPM_METRICS_GET_VERSION, self._count, first, second)
        return all_succeed(self._asks[frame])

    def develop(self, frames: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
        """See Reel."""
        shape = (len(frames), -1)
        values, codes = self._values[frames].reshape(shape), self._codes[frames].reshape(shape)
        self._values[frames], self._codes[frames] = nan, 0
        return values, codes
