"""The words for what becomes of a regression, and of the attempt to confirm it."""

from enum import StrEnum


class RegressionState(StrEnum):
    """Where a regression is in its life."""

    OPEN = "open"
    """Nobody has looked at it yet."""
    ACKNOWLEDGED = "acknowledged"
    """Somebody knows, and it is still there."""
    RESOLVED = "resolved"
    """It is over; ``resolution`` says how."""
    FALSE_ALARM = "false_alarm"
    """Somebody found that nothing had become worse."""

    @property
    def is_standing(self) -> bool:
        """Whether somebody should still care."""
        return self in {RegressionState.OPEN, RegressionState.ACKNOWLEDGED}


class Resolution(StrEnum):
    """How a regression came to its end."""

    RECOVERED = "recovered"
    """Its metrics came back to where they had been."""
    WITHDRAWN = "withdrawn"
    """Later points do not support the change any more, or what is watched does not tell of it."""
    BY_HAND = "by_hand"
    """Somebody said so."""


class ConfirmationState(StrEnum):
    """What came of running a benchmark again to see whether it has become worse."""

    RUNNING = "running"
    CONFIRMED = "confirmed"
    """It is worse now, too."""
    REFUTED = "refuted"
    """It is not as bad now as the history said."""
    UNDECIDED = "undecided"
    """The runs were too few, or too noisy, to tell."""
    IMPOSSIBLE = "impossible"
    """It could not be run again as it had been."""

    @property
    def is_alarming(self) -> bool:
        """Whether people are told of a regression that came to this: also where it could not be made sure."""
        return self not in {ConfirmationState.RUNNING, ConfirmationState.REFUTED}


class Entry(StrEnum):
    """What an entry in the record of a regression is about."""

    OPENED = "opened"
    MOVED = "moved"
    WITHDRAWN = "withdrawn"
    RECOVERED = "recovered"
    CONFIRMATION = "confirmation"
    ALERTED = "alerted"
    STATE = "state"
    """Somebody changed its state."""
    COMMENT = "comment"
