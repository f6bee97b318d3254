"""How long to wait before a message is sent again."""

import random

LONGEST_S = 3_600.0


def pause_s(attempt: int, first_s: float, dice: random.Random) -> float:
    """Return the seconds to wait after the ``attempt``-th try, counted from 1, has failed.

    Twice as long after each, up to an hour; between half of that and all of it by chance, so that messages which failed
    together do not come back together.
    """
    # Beyond that the doubling could only overflow.
    whole = min(LONGEST_S, first_s * 2.0 ** min(attempt - 1, 60))
    return whole * dice.uniform(0.5, 1.0)
