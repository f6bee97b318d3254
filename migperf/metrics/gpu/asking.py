"""What counts as an answer of the driver's, and when to ask again for what was not there."""

from migperf.gpus.nvml_errors import NvmlNoDataError, nvml_error
from migperf.metrics.absence import Absence, AbsenceState, absence_of
from migperf.metrics.metric import NS_PER_S

MIB = 1 << 20
LASTING_RETRY_NS = 10 * NS_PER_S
"""What is not supported or not permitted may come with a new mode or right, but not soon."""
RETRY_NS = NS_PER_S
"""Asking a GPU that is lost can take long."""
NO_VALUE = frozenset({0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF, float(0xFFFFFFFFFFFFFFFF), -1})
"""How NVML says "not available" within an answer (NVML_VALUE_NOT_AVAILABLE, -1, in the widths that it is read in)."""


def is_blank(value: float) -> bool:
    """Tell whether a number is none: a sentinel or NaN."""
    return value in NO_VALUE or value != value  # noqa: PLR0124 - the fastest way to see NaN


def no_data(call: str) -> Absence:
    """Return why a blank is no value."""
    return Absence(AbsenceState.NO_DATA, f"{call} answered that it has no value at present")


def answered(code: int, call: str, uuid: str) -> Absence:
    """Return why an answer is no value that came with an NVML return code; 0: a blank."""
    if code in (0, NvmlNoDataError.code):
        return no_data(call)
    return absence_of(nvml_error(code, call, uuid))


def ask_again_ns(absence: Absence, now_ns: int) -> int:
    """Return the time from which on it makes sense to ask again, ns; ``now_ns`` for the next reading."""
    if absence.state is AbsenceState.NO_DATA:
        return now_ns
    return now_ns + (LASTING_RETRY_NS if absence.state.lasting else RETRY_NS)
