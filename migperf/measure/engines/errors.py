"""What keeps an engine from being measured."""

from migperf.errors import MigperfError


class EngineUnavailableError(MigperfError):
    """The engine asked for cannot execute this workload here: a result of the run, not a failure."""


class EngineDisagreesError(MigperfError):
    """The engine computes something else than the eager model in fp32 does; nothing that it does is worth timing."""


class EngineUncheckedError(MigperfError):
    """Whether the engine agrees cannot be told, as the reference has nothing to compare with."""
