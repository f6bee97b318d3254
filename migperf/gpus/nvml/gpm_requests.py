"""The memory that NVML is asked for averages of GPM in, and how its answers are got out of it."""

from collections.abc import Sequence
from ctypes import addressof, create_string_buffer, sizeof
from math import nan
from struct import Struct

import pynvml  # type: ignore[import-untyped]

_REQUEST = pynvml.c_nvmlGpmMetricsGet_t
SIZE = sizeof(_REQUEST)
HEAD = Struct("=IIQQ")
"""The head of a nvmlGpmMetricsGet_t: version, number of metrics, and addresses of the samples."""
ENTRY = Struct("=IId24x")
"""A nvmlGpmMetric_t: id, return code, value, and names that nobody asks for."""


class Requests:
    """A ``nvmlGpmMetricsGet_t`` to each slot, side by side.

    Handled with struct: numpy's functions touch so much memory of their own that each takes some 30 us where the CPU
    has done something else since the last turn.
    """

    def __init__(self, metric_ids: Sequence[int], slots: int) -> None:
        self._count = len(metric_ids)
        self._memory = create_string_buffer(slots * SIZE)
        self._offsets = [slot * SIZE for slot in range(slots)]
        self._blank = b"".join(ENTRY.pack(metric_id, 0, nan) for metric_id in metric_ids)
        used = HEAD.size + len(self._blank)
        memory = memoryview(self._memory).cast("B")
        self._entries = [memory[at + HEAD.size : at + used] for at in self._offsets]
        one = f"{HEAD.size}x" + "4xId24x" * self._count + f"{SIZE - used}x"
        self._answers = Struct("=" + one * slots)

    @property
    def addresses(self) -> list[int]:
        """Where each request is."""
        return [addressof(self._memory) + offset for offset in self._offsets]

    def prepare(self, earlier: Sequence[int], later: Sequence[int]) -> None:
        """Ask for averages between two samples of each slot, given by their addresses."""
        version, count, memory = pynvml.NVML_GPM_METRICS_GET_VERSION, self._count, self._memory
        for offset, first, second in zip(self._offsets, earlier, later, strict=True):
            HEAD.pack_into(memory, offset, version, count, first, second)
        self.clear()

    def clear(self) -> None:
        """Make all values NaN and all codes 0: what stays so was not answered."""
        blank = self._blank
        for entries in self._entries:
            entries[:] = blank

    def answers(self) -> tuple[Sequence[float], Sequence[int]]:
        """Return the values of all metrics of all slots, and their codes."""
        told = self._answers.unpack_from(self._memory)
        return told[1::2], told[::2]
