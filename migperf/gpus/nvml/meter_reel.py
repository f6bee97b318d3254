"""Reels of meters: clocks, the reasons that hold them down, and fields, by calls prepared for each frame."""

from collections.abc import Callable, Sequence
from ctypes import c_int, c_uint, c_void_p
from functools import partial
from itertools import groupby

import numpy as np
import numpy.typing as npt
import pynvml  # type: ignore[import-untyped]

from migperf.gpus.driver import Clock, Device, FieldId, Meter
from migperf.gpus.nvml.calls import NvmlCalls, address, all_succeed
from migperf.gpus.nvml.fields import FORMATS
from migperf.gpus.nvml_errors import NvmlError, NvmlNoDataError

FRAMES = 256
_UNION, _UNION_AT = "union", 32
_ENTRY = np.dtype(
    {
        "names": ["field", "type", "code", _UNION],
        "formats": ["<u4", "<u4", "<i4", "V8"],
        "offsets": [0, 24, 28, _UNION_AT],
        "itemsize": 40,
    }
)
"""nvmlFieldValue_t. The answers of other calls are kept in the union of one as well."""


class MeterReel:
    """The ``Reel`` of meters of one device."""

    def __init__(self, nvml: NvmlCalls, device: Device, meters: Sequence[Meter]) -> None:
        """Prepare all calls. Raises NvmlFunctionNotFoundError where the driver lacks one."""
        self.frames = FRAMES
        self._nvml = nvml
        self._blank = _blank(meters)
        self._entries = np.empty((FRAMES, len(meters)), _ENTRY)
        self._entries[:] = self._blank
        where = c_void_p(address(device))
        self._calls = [self._prepare(where, meters, frame) for frame in range(FRAMES)]

    def expose(self, frame: int) -> bool:
        """See Reel."""
        if not self._nvml.usable:
            return False
        return all_succeed(self._calls[frame])

    def develop(self, frames: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
        """See Reel."""
        entries = self._entries[frames]
        self._entries[frames] = self._blank
        values, codes = np.full(entries.shape, np.nan), entries["code"].astype(np.int32)
        codes[(codes == 0) & ~np.isin(entries["type"], list(FORMATS))] = NvmlError.code
        for kind, (layout, unknown) in FORMATS.items():
            where = (codes == 0) & (entries["type"] == kind)
            if where.any():
                told = np.ascontiguousarray(entries[_UNION]).view(layout.format).reshape(*entries.shape, -1)[..., 0]
                no_value = np.isnan(told) if unknown is None else told == unknown
                values[where] = told[where]
                codes[where & no_value] = NvmlNoDataError.code
        values[codes != 0] = np.nan
        return values, codes

    def _prepare(self, device: c_void_p, meters: Sequence[Meter], frame: int) -> list[Callable[[], int]]:
        calls: list[Callable[[], int]] = []
        index = frame * len(meters)
        for is_field, group in groupby(meters, lambda meter: isinstance(meter, FieldId)):
            together = list(group)
            if is_field:
                calls.append(self._fields(device, index, len(together)))
            else:
                calls += [self._number(device, meter, index + i) for i, meter in enumerate(together)]
            index += len(together)
        return calls

    def _fields(self, device: c_void_p, index: int, count: int) -> Callable[[], int]:
        ask = self._nvml.function("nvmlDeviceGetFieldValues")
        return partial(ask, device, c_int(count), c_void_p(self._entries.ctypes.data + index * _ENTRY.itemsize))

    def _number(self, device: c_void_p, meter: Meter, index: int) -> Callable[[], int]:
        answer = c_void_p(self._entries.ctypes.data + index * _ENTRY.itemsize + _UNION_AT)
        if isinstance(meter, Clock):
            return partial(self._nvml.function("nvmlDeviceGetClockInfo"), device, c_uint(meter), answer)
        return partial(self._nvml.function("nvmlDeviceGetCurrentClocksEventReasons"), device, answer)


def _blank(meters: Sequence[Meter]) -> npt.NDArray[np.void]:
    """Return what is in memory before a reading: something that passes for no value where it stays so."""
    blank = np.zeros(len(meters), _ENTRY)
    blank[_UNION] = b"\xff" * 8
    for entry, meter in zip(blank, meters, strict=True):
        if isinstance(meter, FieldId):
            entry["field"], entry["code"] = int(meter), NvmlNoDataError.code
        elif isinstance(meter, Clock):
            entry["type"] = pynvml.NVML_VALUE_TYPE_UNSIGNED_INT
        else:
            entry["type"] = pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG
    return blank
