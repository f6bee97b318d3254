"""Why a value is not there. Absent is a state of its own: never 0, never the last value again."""

from dataclasses import dataclass
from enum import StrEnum

from migperf.gpus.nvml_errors import (
    GpuLostError,
    NvmlError,
    NvmlFunctionNotFoundError,
    NvmlInvalidArgumentError,
    NvmlNoDataError,
    NvmlNoPermissionError,
    NvmlNotFoundError,
    NvmlNotSupportedError,
    NvmlVersionMismatchError,
)


class AbsenceState(StrEnum):
    """The kinds of reasons that a value can be absent for."""

    NOT_SUPPORTED = "not_supported"
    """The quantity does not exist here: on this board, in its present mode, with this driver."""
    NO_PERMISSION = "no_permission"
    """The worker lacks a right."""
    NO_DATA = "no_data"
    """The source answers that it has no value (yet)."""
    LOST = "lost"
    """What is to be read is gone: the GPU fell off the bus, the instance was destroyed."""
    STALLED = "stalled"
    """Nothing was read, because reading took too long or the sampler did not get to run."""
    FAILED = "failed"
    """Reading failed in another way."""

    @property
    def lasting(self) -> bool:
        """Whether asking again soon is pointless."""
        return self in (AbsenceState.NOT_SUPPORTED, AbsenceState.NO_PERMISSION)


@dataclass(frozen=True, slots=True)
class Absence:
    """That a value is absent, and the reason in words."""

    state: AbsenceState
    reason: str


_STATES: tuple[tuple[type[NvmlError], AbsenceState], ...] = (
    (NvmlNotSupportedError, AbsenceState.NOT_SUPPORTED),
    (NvmlFunctionNotFoundError, AbsenceState.NOT_SUPPORTED),
    (NvmlVersionMismatchError, AbsenceState.NOT_SUPPORTED),
    (NvmlNoPermissionError, AbsenceState.NO_PERMISSION),
    (NvmlNoDataError, AbsenceState.NO_DATA),
    (GpuLostError, AbsenceState.LOST),
    (NvmlNotFoundError, AbsenceState.LOST),
    (NvmlInvalidArgumentError, AbsenceState.LOST),
)


def absence_of(error: NvmlError) -> Absence:
    """Return what an NVML error says about the value that was asked for."""
    state = next((state for kind, state in _STATES if isinstance(error, kind)), AbsenceState.FAILED)
    return Absence(state, str(error))
