"""Reading now and looking later: how a driver is read a hundred times a second without disturbing what is measured."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from migperf.native.mechanism import Mechanism


class Reel(Protocol):
    """Many readings of the same numbers whose answers are looked at later, all at once: one to each frame.

    Made for being read a hundred times a second: a reading is nothing but calls on memory that was prepared before.
    Frames are exposed by one thread; another may develop those that are exposed already.
    """

    @property
    def frames(self) -> int:
        """How many readings there is room for."""
        ...

    @property
    def mechanism(self) -> Mechanism | None:
        """What frames can be exposed by without Python; None where they cannot."""
        ...

    def expose(self, frame: int) -> bool:
        """Read into a frame that is blank. False when something failed: then the reel is good for nothing any more.

        What failed is told by reading in the ordinary way.
        """
        ...

    def develop(self, frames: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
        """Return the numbers of exposed frames and an NVML return code each, (frames, numbers); blank them again.

        Numbers are in NVML's units; what has no answer is NaN or all ones, or has a code.
        """
        ...
