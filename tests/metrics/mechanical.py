"""A source that can be exposed without Python, and does what a test wants at certain readings."""

from collections.abc import Callable
from ctypes import CFUNCTYPE, c_double, c_int, c_int64

import numpy as np
import numpy.typing as npt

from migperf.metrics.film import Film, Usual
from migperf.metrics.source import Row
from migperf.native.compiled import CALL, Flag, function_address, library, pointer_to
from migperf.native.mechanism import Mechanism
from tests.metrics.sources import TICKS

Function = CFUNCTYPE(c_int, c_int64, c_int64, c_int64)


class Mechanical:
    """Gives the number of its reading; ``at`` maps numbers to what happens at them, and may return a code.

    A code that is not 0 is a call that fails: on a reel no frame is exposed, and a reading has no value.
    """

    metrics = (TICKS,)

    def __init__(self, at: dict[int, Callable[[], object]] | None = None, period_ns: int = 0, frames: int = 64) -> None:
        self.period_ns, self.frames, self.steady = period_ns, frames, False
        self.readings = 0
        self.on_film = 0
        self.closed = False
        self._at = at or {}
        self._row = np.zeros(1)

    def next(self) -> int:
        """Make one more reading, and return a code for it."""
        self.readings += 1
        happens = self._at.get(self.readings)
        return int(happens() or 0) if happens is not None else 0  # type: ignore[call-overload]

    def read(self, now_ns: int) -> Row:
        missing = self.next() != 0
        self.steady = not missing and not np.isnan(self._row[0]) and self.readings > 1
        self._row[0] = np.nan if missing else self.readings
        return self._row

    def why_not(self, index: int) -> None:
        return None

    def film(self) -> Film:
        return Film(MechanicalReel(self), look, lambda *_: None, Usual(np.zeros(1, np.bool_), np.zeros(1, np.int32)))

    def close(self) -> None:
        self.closed = True


class MechanicalReel:
    """One number to each frame, by a call that happens to be Python's."""

    def __init__(self, source: Mechanical) -> None:
        native = library()
        assert native is not None
        self.frames = source.frames
        self._numbers = np.full(self.frames, np.nan)
        self._source = source
        self._make = Function(self._answer)
        calls = np.zeros((self.frames, 1), CALL)
        calls["make"] = function_address(self._make)
        calls["given"][:, 0, 0] = pointer_to(self._numbers) + np.arange(self.frames) * 8
        self.mechanism = Mechanism(native, calls, Flag(raised=True))

    def _answer(self, to: int, _: int, __: int) -> int:
        code = self._source.next()
        self._source.on_film += 1
        assert np.isnan(c_double.from_address(to).value), "nothing is written over before somebody has looked at it"
        c_double.from_address(to).value = self._source.readings
        return code

    def expose(self, frame: int) -> bool:
        return self.mechanism.expose(frame)

    def develop(self, frames: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
        numbers = self._numbers[frames].reshape(-1, 1)
        self._numbers[frames] = np.nan
        return numbers, np.zeros(numbers.shape, np.int32)


def look(values: npt.NDArray[np.float64], codes: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    return values
