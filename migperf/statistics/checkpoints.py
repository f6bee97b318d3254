"""When to look at a series that grows: rarely enough that looking costs little and misleads little."""

import math

GROWTH = 1.25


class Checkpoints:
    """Lets a growing series be looked at from a first length on, and whenever it has grown by a quarter since."""

    def __init__(self, first: int) -> None:
        self._next = first

    def reached(self, count: int) -> bool:
        """Tell whether it is time to look; if so, move on to the next checkpoint."""
        if count < self._next:
            return False
        self._next = math.ceil(count * GROWTH)
        return True
