"""Looking again and again at data that grow, until they decide: when to look, and with what confidence each time."""

from migperf.statistics.checkpoints import GROWTH

FIRST_LOOK = 3
"""Of two runs or pairs hardly anything can be said."""


def planned_looks(most: int) -> tuple[int, ...]:
    """Return at how many runs or pairs to look: each time a quarter has come, the last time at ``most``.

    Few looks cost each of them little confidence (``level_per_look``).
    """
    looks, count = [most], int(most / GROWTH)
    while count >= FIRST_LOOK:
        looks.append(count)
        count = min(count - 1, int(count / GROWTH))
    return tuple(reversed(looks))


def level_per_look(level: float, looks: int) -> float:
    """Return the level for each of so many planned looks at growing data, so that all together keep ``level``.

    Bonferroni's inequality: holds however the looks depend on each other. For comparisons that buy more runs until
    they are decided.
    """
    return 1 - (1 - level) / looks
