"""What is known of an answer. Imports nothing heavy: whoever only reads answers needs no solver."""

from enum import StrEnum


class Status(StrEnum):
    """What is known of the goal."""

    OPTIMAL = "optimal"
    """Nothing better exists: proved."""
    FEASIBLE = "feasible"
    """It serves the demand; nothing better than the bound exists."""
    INFEASIBLE = "infeasible"
    """Nothing serves the demand: proved."""
    UNKNOWN = "unknown"
    """The time was over before anything was found or excluded."""
