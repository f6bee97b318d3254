"""A small drawing of values in one line of text, with marks below it."""

from collections.abc import Collection, Sequence

_BARS = "▁▂▃▄▅▆▇█"


def bars(values: Sequence[float]) -> str:
    """Return a bar for each value, the lowest one lowest; all in the middle where they are equal."""
    if not values:
        return ""
    low, high = min(values), max(values)
    if high == low:
        return _BARS[len(_BARS) // 2] * len(values)
    return "".join(_BARS[min(len(_BARS) - 1, int((value - low) / (high - low) * len(_BARS)))] for value in values)


def marks(count: int, at: Collection[int]) -> str:
    """Return as many characters as there are values, with a mark below those at these places."""
    return "".join("▴" if place in at else " " for place in range(count)).rstrip()
