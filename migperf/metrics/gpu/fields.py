"""Groups read by nvmlDeviceGetFieldValues: one call for many quantities, with an answer or an error for each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from migperf.gpus.driver import FieldId, FieldValue, Meter
from migperf.gpus.nvml_errors import NvmlError
from migperf.metrics.absence import Absence, AbsenceState, absence_of
from migperf.metrics.gpu.asking import MIB, ask_again_ns, is_blank, no_data
from migperf.metrics.gpu.group import Group
from migperf.metrics.gpu.handle import Handle
from migperf.metrics.metric import NS_PER_S, Metric
from migperf.metrics.source import Row

_NEVER = 1 << 63


@dataclass(frozen=True, slots=True)
class FieldColumn:
    """A metric, the field that it is read from, and how many of the field's units make one of the metric's.

    ``instead`` is a group of one column that is read where this board or driver does not have the field.
    """

    metric: Metric
    field: FieldId
    per: int = 1
    instead: Group | None = None


class FieldGroup(Group):
    """Fields of one device. Those that it does not have are left out of the call, and asked for again seldom."""

    def __init__(self, handle: Handle, columns: Sequence[FieldColumn]) -> None:
        super().__init__(handle, [column.metric for column in columns])
        self._columns = tuple(columns)
        self._ask_at_ns = [0] * len(columns)
        self._without_field = [False] * len(columns)
        self._asked = list(range(len(columns)))
        self._fields = [column.field for column in columns]
        self._replaced: list[tuple[int, Group]] = []
        self._choose_ns = _NEVER
        self._answered = False
        """Whether all that was asked for the last time had a value."""

    @property
    def meters(self) -> Sequence[Meter]:
        """See Group."""
        return [column.field for column in self._columns]

    def look(self, numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """See Group."""
        return numbers / [column.per for column in self._columns]

    def call_of(self, index: int) -> str:
        """See Group."""
        return _call(self._columns[index].field)

    def fill_into(self, row: Row) -> None:
        """See Group."""
        super().fill_into(row)
        for index, column in enumerate(self._columns):
            if column.instead is not None:
                column.instead.fill_into(row[index : index + 1])

    def take(self, now_ns: int) -> None:
        """See Group."""
        self.unchanged = self._answered
        if now_ns >= self._choose_ns:
            self._choose(now_ns)
            self.unchanged = False
        self._answered = not self._asked or self._ask(now_ns)
        if not self._answered:
            self.unchanged = False
            self._choose(now_ns)
        self.complete = self._answered and len(self._asked) == len(self.metrics)
        for index, group in self._replaced:
            group.take(now_ns)
            self.absences[index] = group.absences[0]
            self.unchanged = self.unchanged and group.unchanged

    def _ask(self, now_ns: int) -> bool:
        """Return whether every field that was asked for had a value."""
        try:
            answers = self.handle.driver.field_values(self.handle.device(), self._fields)
        except NvmlError as error:
            absence = absence_of(error)
            for index in self._asked:
                self._lack(index, absence, now_ns)
            return False
        return self._store_all(answers, now_ns)

    def _store_all(self, answers: Sequence[FieldValue], now_ns: int) -> bool:
        complete = True
        for index, answer in zip(self._asked, answers, strict=True):
            value = answer.value
            if value is None or is_blank(value):
                complete = False
                self._lack(index, _why(answer), now_ns)
            else:
                self._store(index, value, now_ns)
        return complete

    def _store(self, index: int, value: float, now_ns: int) -> None:  # noqa: ARG002 - rates need the time
        self._cells[index] = value / self._columns[index].per
        self.absences[index] = None

    def _lack(self, index: int, absence: Absence, now_ns: int) -> None:
        self._miss(index, absence)
        self._ask_at_ns[index] = ask_again_ns(absence, now_ns)
        self._without_field[index] = absence.state is AbsenceState.NOT_SUPPORTED

    def _choose(self, now_ns: int) -> None:
        """Decide which fields to ask for until another one is due again, and what to read instead of the others."""
        due = [at_ns <= now_ns for at_ns in self._ask_at_ns]
        self._asked = [index for index, is_due in enumerate(due) if is_due]
        self._fields = [self._columns[index].field for index in self._asked]
        self._choose_ns = min((at_ns for at_ns in self._ask_at_ns if at_ns > now_ns), default=_NEVER)
        self._replaced = [
            (index, column.instead)
            for index, column in enumerate(self._columns)
            if column.instead is not None and self._without_field[index] and not due[index]
        ]


class RateGroup(FieldGroup):
    """Rates, MiB/s, from fields that count bytes: the mean since the reading before.

    A counter that has gone back gives no rate: the driver was loaded anew, or it wraps around (nvml.h reserves that).
    """

    def __init__(self, handle: Handle, columns: Sequence[FieldColumn]) -> None:
        super().__init__(handle, columns)
        self._last: list[tuple[int, float] | None] = [None] * len(columns)
        self._has_rates = False

    @property
    def meters(self) -> Sequence[Meter]:
        """Nothing: a rate needs the reading before."""
        return ()

    def take(self, now_ns: int) -> None:
        """See Group."""
        had_rates = self._has_rates
        super().take(now_ns)
        self._has_rates = not any(map(math.isnan, self._cells))
        self.unchanged = self.unchanged and had_rates and self._has_rates

    def _store(self, index: int, value: float, now_ns: int) -> None:
        last, self._last[index] = self._last[index], (now_ns, value)
        self._cells[index] = np.nan
        self.absences[index] = None
        if last is None or now_ns <= last[0]:
            return
        if value < last[1]:
            self.absences[index] = _gone_back(self._columns[index].field)
            return
        self._cells[index] = (value - last[1]) / MIB * NS_PER_S / (now_ns - last[0])

    def _lack(self, index: int, absence: Absence, now_ns: int) -> None:
        super()._lack(index, absence, now_ns)
        self._last[index] = None


def _why(answer: FieldValue) -> Absence:
    if answer.value is None and answer.error is not None:
        return absence_of(answer.error)
    return no_data(_call(answer.field))


def _call(field: FieldId) -> str:
    return f"nvmlDeviceGetFieldValues({field.name})"


def _gone_back(field: FieldId) -> Absence:
    reason = f"the counter {field.name} has gone back: the driver was loaded anew, or the counter has wrapped around"
    return Absence(AbsenceState.NO_DATA, reason)
