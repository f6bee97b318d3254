"""The four verdicts, apart from how they are reached: who only reads them need not load what computes."""

from enum import StrEnum


class Verdict(StrEnum):
    """What can be said of a candidate beside a baseline."""

    SAME = "same"
    """The whole interval of the ratio lies within the margin around 1."""
    FASTER = "faster"
    """The interval lies below 1, and the ratio itself below the margin."""
    SLOWER = "slower"
    """The interval lies above 1, and the ratio itself above the margin."""
    UNDECIDED = "undecided"
    """Neither is shown."""
