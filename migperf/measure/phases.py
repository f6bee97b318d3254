"""The phases of a run while its child lives, in order."""

from enum import StrEnum


class Phase(StrEnum):
    """What a child is doing."""

    STARTING = "starting"
    """The child is bound to its partition and imports the workload."""
    PREPARING = "preparing"
    """The payload builds its model and data; its first line runs here."""
    SEARCHING = "searching"
    """Rates or sizes are tried; what is timed makes no figure."""
    WARMING_UP = "warming_up"
    MEASURING = "measuring"
    FINISHING = "finishing"
    """The payload reports; nothing is timed any more."""
    PROFILING = "profiling"
    """Some more steps are recorded, where a profile was asked for; the result is there already."""
