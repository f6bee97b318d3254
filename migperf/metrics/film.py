"""Readings of one source that nobody has looked at yet.

A source that has nothing to say but values is read by a reel of its driver's: a reading is then little more than the
driver's calls. What was answered is looked at when somebody wants to know, or when there is no room for more: many
readings at once. As soon as anything is out of the ordinary, the film is over and the source is read and looked at in
the ordinary way, which asks again, and finds out what it is.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from migperf.gpus.reel import Reel
from migperf.metrics.absence import Absence
from migperf.native.compiled import FilmState, pointer_to
from migperf.native.ring import Ring

Look = Callable[[npt.NDArray[np.float64], npt.NDArray[np.int32]], npt.NDArray[np.float64]]
"""Makes values, (readings, metrics), NaN for none, of the driver's numbers and their codes, (readings, numbers)."""
Why = Callable[[int, npt.NDArray[np.int32]], Absence | None]
"""Says why a metric, by its index, has no value in a reading with these codes."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What a reading lacks as long as nothing is out of the ordinary."""

    missing: npt.NDArray[np.bool_]
    """Which metrics have no value, (metrics,)."""
    codes: npt.NDArray[np.int32]
    """The driver's codes, (numbers,)."""


@dataclass(frozen=True, slots=True)
class Developed:
    """Readings: times (n,), values (n, metrics), and which of them lack something else than those of before, (n,)."""

    time_ns: npt.NDArray[np.int64]
    rows: npt.NDArray[np.float64]
    strange: npt.NDArray[np.bool_]
    why_not: Callable[[int, int], Absence | None]
    """Why a reading has no value of a metric, by the index of each."""


class Film:
    """Exposed by the sampler's thread, and developed under the sampler's lock by whoever wants to know."""

    def __init__(self, reel: Reel, look: Look, why: Why, usual: Usual) -> None:
        self._reel, self._look, self._why, self._usual = reel, look, why, usual
        self._time_ns = np.zeros(reel.frames, np.int64)
        self._times: memoryview[int] = self._time_ns.data
        self.state = FilmState(time_ns=pointer_to(self._time_ns))
        if reel.mechanism is not None:
            self.state.mechanism = reel.mechanism.address
        self.ring = Ring(reel.frames, self.state.ring)

    @property
    def over(self) -> bool:
        """Whether the source has to be looked at as it is read."""
        return bool(self.state.over)

    def end(self) -> None:
        """Have the source looked at as it is read."""
        self.state.over = 1

    @property
    def undeveloped(self) -> int:
        """How many readings nobody has looked at."""
        return self.ring.unread

    @property
    def mechanical(self) -> bool:
        """Whether it can be exposed without Python (see ``Shutter``)."""
        return self._reel.mechanism is not None and not self.over

    def expose(self) -> bool:
        """Read; False when that is to be done in the ordinary way. It counts when it is kept."""
        if self.over or not self._reel.expose(self.ring.place):
            self.end()
            return False
        return True

    def keep(self, time_ns: int) -> bool:
        """Keep the reading that was made last as one of this time; tell whether the film is to be developed now."""
        self._times[self.ring.place] = time_ns
        self.ring.advance()
        return self.ring.full

    def develop(self) -> Developed:
        """Look at what has been kept so far. If something is strange, the film is over."""
        frames = self.ring.places_unread()
        time_ns = self._time_ns[frames]
        values, codes = self._reel.develop(frames)
        self.ring.let_go(len(frames))
        rows = self._look(values, codes)
        rows[~np.isfinite(rows)] = np.nan
        strange = (np.isnan(rows) != self._usual.missing).any(axis=1) | (codes != self._usual.codes).any(axis=1)
        if strange.any():
            self.end()
        return Developed(time_ns, rows, strange, lambda reading, index: self._why(index, codes[reading]))
