"""Reels of meters: clocks, the reasons that hold them down, and fields, by calls prepared for each frame."""

from collections.abc import Sequence
from ctypes import CDLL
from itertools import groupby

import numpy as np
import numpy.typing as npt
import pynvml  # type: ignore[import-untyped]

from migperf.gpus.driver import Clock, Device, FieldId, Meter
from migperf.gpus.nvml.calls import NvmlCalls, address
from migperf.gpus.nvml.fields import FORMATS
from migperf.gpus.nvml.prepared import Prepared, prepare
from migperf.gpus.nvml_errors import NvmlError, NvmlNoDataError
from migperf.native.compiled import pointer_to
from migperf.native.mechanism import Mechanism

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

    def __init__(self, library: CDLL, nvml: NvmlCalls, device: Device, meters: Sequence[Meter]) -> None:
        """Prepare all calls. Raises NvmlFunctionNotFoundError where the driver lacks one."""
        self.frames = FRAMES
        self._blank = _blank(meters)
        self._entries = np.empty((FRAMES, len(meters)), _ENTRY)
        self._entries[:] = self._blank
        calls = prepare(_calls(nvml, device, meters, pointer_to(self._entries)), FRAMES, len(meters) * _ENTRY.itemsize)
        self.mechanism = Mechanism(library, calls, nvml.usable)

    def expose(self, frame: int) -> bool:
        """See Reel."""
        return self.mechanism.expose(frame)

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


def _calls(nvml: NvmlCalls, device: Device, meters: Sequence[Meter], memory: int) -> list[Prepared]:
    """Return the calls of the first frame, whose entries begin at ``memory``."""
    calls: list[Prepared] = []
    for is_field, group in groupby(meters, lambda meter: isinstance(meter, FieldId)):
        together = list(group)
        if is_field:
            calls.append(nvml.prepared("nvmlDeviceGetFieldValues", address(device), len(together), to=memory))
        else:
            for i, meter in enumerate(together):
                calls.append(_number(nvml, device, meter, memory + i * _ENTRY.itemsize + _UNION_AT))
        memory += len(together) * _ENTRY.itemsize
    return calls


def _number(nvml: NvmlCalls, device: Device, meter: Meter, answer: int) -> Prepared:
    if isinstance(meter, Clock):
        return nvml.prepared("nvmlDeviceGetClockInfo", address(device), int(meter), to=answer)
    return nvml.prepared("nvmlDeviceGetCurrentClocksEventReasons", address(device), to=answer)


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
