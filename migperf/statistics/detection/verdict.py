"""The verdicts on a history, and what a point does to them; who only reads them need not load what computes."""

from enum import StrEnum


class HistoryVerdict(StrEnum):
    """What can be said of the present level of a metric."""

    REGRESSED = "regressed"
    """The last change was for the worse."""
    IMPROVED = "improved"
    """The last change was for the better."""
    UNCHANGED = "unchanged"
    """There was no change, and the data show that the newest points lie within the least effect of the others."""
    UNDECIDED = "undecided"
    """Neither a change is shown nor its absence: it is suspected, or the noise could hide one that matters."""
    INSUFFICIENT_DATA = "insufficient data"
    """There are too few points to say anything."""


class Revision(StrEnum):
    """What a new point did to what was said before it."""

    ADDED = "added"
    MOVED = "moved"
    WITHDRAWN = "withdrawn"
