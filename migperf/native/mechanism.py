"""How a reel exposes its frames: calls of the driver's functions, prepared for each."""

from ctypes import CDLL, addressof, pointer

import numpy as np
import numpy.typing as npt

from migperf.native.compiled import CALL, Calls, Flag, MechanismState, SamplingState, pointer_to
from migperf.native.moments import Moments


class Sampling:
    """What is done before the calls of a frame: a sample of each subject, at a moment that averages lie between."""

    def __init__(self, moments: Moments, takes: Calls, addresses: npt.NDArray[np.uint64]) -> None:
        """Take samples by these calls, (room, subjects), to these addresses, (room, subjects)."""
        self._kept = moments, takes, addresses
        self.state = SamplingState(pointer(moments.state), pointer_to(takes), pointer_to(addresses))


class Mechanism:
    """The calls of all frames, (frames, calls of a frame), each of which returns 0 where it succeeds.

    With ``sampling``, each call is given a nvmlGpmMetricsGet_t, which is told the samples.
    """

    def __init__(self, library: CDLL, calls: Calls, usable: Flag, sampling: Sampling | None = None) -> None:
        """Make calls only while ``usable``."""
        if calls.dtype != CALL or not calls.flags.c_contiguous:
            raise ValueError("calls must be a contiguous array of CALL")
        self._kept = calls, usable, sampling
        before = None if sampling is None else pointer(sampling.state)
        self._state = MechanismState(pointer_to(calls), calls.shape[1], before, usable.address, 0)
        self.address = addressof(self._state)
        self._expose = library.expose

    @property
    def over(self) -> bool:
        """Whether it is good for nothing any more."""
        return bool(self._state.over)

    def end(self) -> None:
        """Make it good for nothing any more."""
        self._state.over = 1

    def expose(self, frame: int) -> bool:
        """Make the calls of a frame up to the first that fails; tell whether none did."""
        return bool(self._expose(self.address, frame))
