"""A ring of entries that one thread writes and another reads, whether in Python or not."""

from ctypes import addressof

import numpy as np
import numpy.typing as npt

from migperf.native.compiled import RingState, library


class Ring:
    """Which entries are written and not yet read. What they are is kept elsewhere, in arrays of ``room`` places."""

    def __init__(self, room: int, state: RingState | None = None) -> None:
        """Count in ``state``, where that is part of something greater."""
        self.room = room
        self._state = RingState() if state is None else state
        self._state.room = room
        self._where = addressof(self._state)
        self._library = library()

    @property
    def place(self) -> int:
        """Where the next entry is to be written."""
        return int(self._state.written) % self.room

    @property
    def full(self) -> bool:
        """Whether entries have to be read before another may be written."""
        return bool(self._state.written - self._state.read == self.room)

    @property
    def unread(self) -> int:
        """How many entries nobody has read."""
        return self._written - int(self._state.read)

    def advance(self) -> None:
        """Count an entry that was written."""
        self._state.written += 1

    def places_unread(self) -> npt.NDArray[np.intp]:
        """Return where the entries are that nobody has read, in order."""
        return np.arange(self._state.read, self._written) % self.room

    def let_go(self, count: int) -> None:
        """Say that so many have been read, and their places can be written again."""
        if self._library is None:
            self._state.read += count
        else:
            self._library.ring_let_go(self._where, count)

    @property
    def _written(self) -> int:
        # Where it is counted without Python, what was written is only certain to be seen after it was seen counted.
        return int(self._state.written if self._library is None else self._library.ring_written(self._where))
