"""A driver whose calls fail or answer with sentinels when a test says so, single fields and GPM metrics included."""

from collections.abc import Callable, Sequence
from typing import Any

from migperf.gpus.driver import ClocksEventReason, Device, Driver, FieldId, FieldValue, GpmValue, Memory, Utilization
from migperf.gpus.nvml_errors import nvml_error
from tests.gpus.faults import FaultyDriver

BLANK_32 = 0xFFFFFFFF
BLANK_64 = 0xFFFFFFFFFFFFFFFF

BLANKS: dict[str, Callable[..., Any]] = {
    "memory": lambda _: Memory(BLANK_64, BLANK_64, BLANK_64, BLANK_64),
    "utilization": lambda _: Utilization(BLANK_32, BLANK_32),
    "power_mw": lambda _: BLANK_32,
    "power_limit_mw": lambda _: BLANK_32,
    "energy_mj": lambda _: BLANK_64,
    "clock_mhz": lambda _, _clock: BLANK_32,
    "clocks_event_reasons": lambda _: ClocksEventReason(BLANK_64),
    "temperature_c": lambda _: BLANK_32,
    "ecc_errors": lambda _, **_kind: BLANK_64,
    "field_values": lambda _, fields: tuple(FieldValue(field, float(BLANK_64), None) for field in fields),
    "gpm_metrics": lambda _, _later, ids: tuple(GpmValue(metric_id, float(BLANK_32), None) for metric_id in ids),
}


class BrokenDriver(FaultyDriver):
    """See FaultyDriver; besides, ``blank`` and errors of single fields or GPM metrics, until ``heal``."""

    def __init__(self, driver: Driver, clock: Callable[[], int]) -> None:
        super().__init__(driver, clock=clock)
        self._blank: set[str] = set()
        self._single: dict[int, int] = {}

    def blank(self, method: str) -> None:
        self._blank.add(method)

    def fail_single(self, number: int, code: int) -> None:
        """Let one field or GPM metric be answered with this code, in calls that succeed."""
        self._single[number] = code

    def heal(self) -> None:
        super().heal()
        self._blank.clear()
        self._single.clear()

    def __getattr__(self, name: str) -> Any:
        attribute = super().__getattr__(name)
        if name not in BLANKS:
            return attribute

        def answered(*args: Any, **kwargs: Any) -> Any:
            return BLANKS[name](*args, **kwargs) if name in self._blank else attribute(*args, **kwargs)

        return answered

    def field_values(self, device: Device, fields: Sequence[FieldId]) -> tuple[FieldValue, ...]:
        answers = self.__getattr__("field_values")(device, fields)
        return tuple(self._field(answer) for answer in answers)

    def gpm_metrics(self, earlier: Any, later: Any, ids: Sequence[int]) -> tuple[GpmValue, ...]:
        answers = self.__getattr__("gpm_metrics")(earlier, later, ids)
        return tuple(self._metric(answer) for answer in answers)

    def _field(self, answer: FieldValue) -> FieldValue:
        code = self._single.get(answer.field)
        return answer if code is None else FieldValue(answer.field, None, nvml_error(code, answer.field.name))

    def _metric(self, answer: GpmValue) -> GpmValue:
        code = self._single.get(answer.metric_id)
        return answer if code is None else GpmValue(answer.metric_id, None, nvml_error(code, "GPM"))
