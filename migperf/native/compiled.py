"""The compiled part, and the structures that it works on: those of ``shutter.h``, field by field."""

import ctypes
import logging
from collections.abc import Callable
from ctypes import CDLL, POINTER, Structure, addressof, c_int, c_int32, c_int64, c_uint64, c_void_p
from functools import cache
from importlib.util import find_spec
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

_EXTENSION = "migperf.native._shutter"
_log = logging.getLogger(__name__)

CALL = np.dtype([("make", np.uint64), ("given", np.int64, 3)])
"""``Call``: the address of a function, and up to three integers or addresses that it is given."""
Calls: TypeAlias = npt.NDArray[np.void]
"""Of dtype ``CALL``."""
AS_USUAL, FULL, FAILED, LATE = range(4)
"""What came of an exposure."""


class RingState(Structure):
    """``Ring``."""

    _fields_ = (("room", c_int64), ("written", c_int64), ("read", c_int64))


class MomentsState(Structure):
    """``Moments``."""

    _fields_ = (("room", c_int64), ("first", c_int64), ("end", c_int64), ("complete_ns", c_void_p))


class SamplingState(Structure):
    """``Sampling``."""

    _fields_ = (("moments", POINTER(MomentsState)), ("takes", c_void_p), ("addresses", c_void_p))


class MechanismState(Structure):
    """``Mechanism``."""

    _fields_ = (
        ("calls", c_void_p),
        ("calls_of_frame", c_int64),
        ("sampling", POINTER(SamplingState)),
        ("usable", c_void_p),
        ("over", c_int32),
    )


class FilmState(Structure):
    """``Film``."""

    _fields_ = (
        ("mechanism", c_void_p),
        ("ring", RingState),
        ("time_ns", c_void_p),
        ("due_ns", c_int64),
        ("period_ns", c_int64),
        ("began_ns", c_int64),
        ("took_ns", c_int64),
        ("outcome", c_int32),
        ("over", c_int32),
    )


class GridState(Structure):
    """``Grid``."""

    _fields_ = (("due_ns", c_int64), ("period_ns", c_int64))


class TurnsState(Structure):
    """``Turns``."""

    _fields_ = (("ring", RingState), ("began_ns", c_void_p), ("late_ns", c_void_p), ("took_ns", c_void_p))


class ShutterState(Structure):
    """``Shutter``."""

    _fields_ = (
        ("films", c_void_p),
        ("film_count", c_int64),
        ("grids", POINTER(GridState)),
        ("grid_count", c_int64),
        ("turns", POINTER(TurnsState)),
        ("rung", c_void_p),
        *((name, c_int64) for name in ("origin_ns", "turn_ns", "slack_ns", "late_ns", "until_ns")),
        *((name, c_int64) for name in ("count", "total_took_ns", "total_late_ns")),
    )


_STRUCTURES = (MomentsState, SamplingState, MechanismState, FilmState, GridState, TurnsState, ShutterState)
_FUNCTIONS = {
    "ring_written": ((c_void_p,), c_int64),
    "ring_let_go": ((c_void_p, c_int64), None),
    "expose": ((c_void_p, c_int64), c_int),
    "take_turns": ((c_void_p,), None),
}


@cache
def library() -> CDLL | None:
    """Return the compiled part; None where it was not built, or was built of other sources."""
    found = find_spec(_EXTENSION)
    if found is None or found.origin is None:
        _log.info("%s is not built: sampling at high rates costs more", _EXTENSION)
        return None
    loaded = CDLL(found.origin)
    sizes = (c_uint64 * (len(_STRUCTURES) + 1)).in_dll(loaded, "structure_sizes")
    if list(sizes) != [CALL.itemsize, *map(ctypes.sizeof, _STRUCTURES)]:
        _log.warning("%s was built of other sources: install migperf anew; it is left out", _EXTENSION)
        return None
    for name, (arguments, result) in _FUNCTIONS.items():
        function = getattr(loaded, name)
        function.argtypes, function.restype = arguments, result
    return loaded


def function_address(function: Callable[..., int]) -> int:
    """Return where a function of a library is that ctypes has found."""
    return ctypes.cast(function, c_void_p).value or 0  # type: ignore[arg-type]


def pointer_to(array: npt.NDArray[np.generic]) -> int:
    """Return where an array's memory is; it must be kept as long as that is used."""
    return int(array.ctypes.data)


class Flag:
    """Yes or no, in memory that both sides look at."""

    def __init__(self, *, raised: bool = False) -> None:
        self._cell = c_int32(raised)
        self.address = addressof(self._cell)

    def __bool__(self) -> bool:
        return bool(self._cell.value)

    def set(self, raised: bool) -> None:
        """Make it so."""
        self._cell.value = int(raised)
