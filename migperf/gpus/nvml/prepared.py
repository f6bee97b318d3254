"""Calls of the library that are prepared beforehand, and then made without looking anything up."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from migperf.native.compiled import CALL, Calls


@dataclass(frozen=True, slots=True)
class Prepared:
    """A function by its address, what it is given first, and the address that it is given last: where it answers to."""

    function: int
    given: tuple[int, ...]
    to: int


def prepare(calls: Sequence[Prepared], frames: int, frame_size: int) -> Calls:
    """Return the calls of the first frame for each frame, whose memory is ``frame_size`` bytes further each time."""
    table = np.zeros((frames, len(calls)), CALL)
    for index, call in enumerate(calls):
        table["make"][:, index] = call.function
        table["given"][:, index, : len(call.given)] = call.given
        table["given"][:, index, len(call.given)] = call.to + np.arange(frames) * frame_size
    return table
