"""A source that reads the same of several devices or GPU instances together: a bank of the driver's, slot by slot.

One instance by itself is a bank with one slot. A sampler reads all instances of a GPU as one bank: seven of them cost
little more than one, and are recorded in one row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from struct import Struct
from typing import Self

import numpy as np
import numpy.typing as npt

from migperf.gpus.driver import Bank, Device
from migperf.gpus.nvml_errors import NvmlError
from migperf.metrics.absence import Absence, AbsenceState, absence_of
from migperf.metrics.cells import cells_of
from migperf.metrics.film import Film, Usual
from migperf.metrics.gpu.asking import answered, ask_again_ns, no_data
from migperf.metrics.gpu.handle import Handle
from migperf.metrics.metric import NS_PER_S, Metric
from migperf.metrics.source import Row, Source

PATIENCE_NS = NS_PER_S
"""Without any value for so long, it is no longer merely too early."""
_NEVER = 1 << 63
OpenBank = Callable[[int], Bank]
"""Opens a bank with so many slots."""
Missing = Mapping[int, int]
"""The code of each number that has no value, by its index."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a slot tells of: found anew by ``locate`` when it has become useless; ``handles`` are then forgotten."""

    handles: tuple[Handle, ...]
    locate: Callable[[], tuple[Device, int | None]]

    @property
    def uuid(self) -> str:
        """The UUID of the GPU or MIG device."""
        return self.handles[-1].uuid

    def forget(self) -> None:
        """Find it anew for the next reading."""
        for handle in self.handles:
            handle.forget()


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What a bank tells of each subject: metrics, the calls that reasons name, and how the driver's numbers are meant.

    ``per`` of the driver's units make one of the metrics'; what is not below ``limit`` (driver's units) is no number.
    """

    metrics: tuple[Metric, ...]
    calls: tuple[str, ...]
    limit: float
    per: int = 1


@dataclass(slots=True)
class _Slot:
    """How it stands with a subject: how many runs want it, whether it is read, and when to ask for it again."""

    index: int
    subject: Subject
    columns: range
    users: int = 0
    included: bool = False
    ask_ns: int = 0
    waiting_since_ns: int | None = None


class BankSource:
    """A ``Source`` whose metrics are those of one subject after another; a ``JointSource`` for the runs on them."""

    def __init__(self, open_bank: OpenBank, subjects: Sequence[Subject], columns: Columns, period_ns: int) -> None:
        """Open or read nothing before a run joins."""
        width = len(columns.metrics)
        self.of_each = columns.metrics
        self.metrics = columns.metrics * len(subjects)
        self.period_ns = period_ns
        self.steady = False
        """See SteadySource."""
        self._open_bank, self._what = open_bank, columns
        self._slots = [_Slot(i, subject, range(i * width, (i + 1) * width)) for i, subject in enumerate(subjects)]
        self._bank: Bank | None = None
        self._row: Row = np.full(len(self.metrics), np.nan)
        self._cells = cells_of(self._row)
        self._pack = Struct(f"={len(self.metrics)}d").pack_into
        self._absences: list[Absence | None] = [None] * len(self.metrics)
        self._last_missing: Missing | None = None
        self._waiting = False
        self._settle_ns = _NEVER
        self._film: Film | None = None

    @classmethod
    def of_one(cls, open_bank: OpenBank, subject: Subject, columns: Columns, period_ns: int) -> Self:
        """Return a source of one subject, which is read as long as the source is."""
        source = cls(open_bank, (subject,), columns, period_ns)
        source._enter(source._slots[0])
        return source

    def join(self, source: Source) -> slice | None:
        """See JointSource."""
        if not isinstance(source, BankSource) or source.of_each != self.of_each or len(source._slots) != 1:
            return None
        wanted = source._slots[0].subject.uuid
        slot = next((slot for slot in self._slots if slot.subject.uuid == wanted), None)
        return None if slot is None else self._enter(slot)

    def leave(self, columns: slice) -> None:
        """See JointSource."""
        self._slots[columns.start // len(self.of_each)].users -= 1
        self._read_anew()

    def read(self, now_ns: int) -> Row:
        """See Source."""
        if now_ns >= self._settle_ns:
            self._settle(now_ns)
        if self._bank is None:
            return self._row
        try:
            values, codes = self._bank.read()
        except NvmlError as error:
            return self._fail_all(absence_of(error), now_ns)
        # NaN and sentinels show in the sum.
        complete = sum(values) < self._what.limit and not any(codes)
        missing: Missing = {} if complete else self._missing(values, codes)
        self.steady = missing == self._last_missing and not self._waiting and not self._bank.failures
        if not self.steady:
            self._look_closer(self._bank, missing, now_ns)
        self._store(values, missing)
        return self._row

    def why_not(self, index: int) -> Absence | None:
        """See Source."""
        return self._absences[index]

    def film(self) -> Film | None:
        """See FilmedSource."""
        bank, usual = self._bank, self._last_missing
        if bank is None or usual is None or bank.failures or self._waiting or self._settle_ns != _NEVER:
            return None
        try:
            reel = bank.reel()
        except NvmlError:
            return None
        if reel is None:
            return None
        missing, codes = np.zeros(len(self.metrics), np.bool_), np.zeros(len(self.metrics), np.int32)
        for index, code in usual.items():
            missing[index], codes[index] = True, code
        self._film = Film(reel, self._look, self._why, Usual(missing, codes))
        return self._film

    def close(self) -> None:
        """Give back what is held for reading."""
        if self._bank is not None:
            self._bank.close()
            self._bank = None

    def _look(self, values: npt.NDArray[np.float64], codes: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        return np.where((codes == 0) & (values < self._what.limit), values / self._what.per, np.nan)

    def _why(self, index: int, codes: npt.NDArray[np.int32]) -> Absence | None:
        slot, column = divmod(index, len(self.of_each))
        if not self._slots[slot].included:
            return None
        return answered(int(codes[index]), self._what.calls[column], self._slots[slot].subject.uuid)

    def _read_anew(self) -> None:
        """Let what is read be chosen with the next reading."""
        self._settle_ns = 0
        if self._film is not None:
            self._film.end()
            self._film = None

    def _missing(self, values: Sequence[float], codes: Sequence[int]) -> Missing:
        limit, both = self._what.limit, zip(values, codes, strict=True)
        return {index: code for index, (value, code) in enumerate(both) if code or not value < limit}

    def _store(self, values: Sequence[float], missing: Missing) -> None:
        per = self._what.per
        self._pack(self._cells, 0, *(values if per == 1 else [value / per for value in values]))
        for index in missing:
            self._cells[index] = nan
        if self._bank is not None and self._bank.failures:
            for slot in self._bank.failures:
                self._clear(self._slots[slot])

    def _enter(self, slot: _Slot) -> slice:
        slot.users += 1
        self._read_anew()
        return slice(slot.columns.start, slot.columns.stop)

    def _settle(self, now_ns: int) -> None:
        """Read what is wanted and can be asked for again, and what is not wanted no more."""
        self._settle_ns = _NEVER
        for slot in self._slots:
            if slot.users and not slot.included:
                self._include(slot, now_ns)
            elif slot.included and not slot.users:
                self._leave_out(slot, 0)
                self._explain(slot, None)

    def _include(self, slot: _Slot, now_ns: int) -> None:
        if now_ns < slot.ask_ns:
            self._settle_ns = min(self._settle_ns, slot.ask_ns)
            return
        try:
            if self._bank is None:
                self._bank = self._open_bank(len(self._slots))
            self._bank.include(slot.index, *slot.subject.locate())
            slot.included, self._last_missing = True, None
        except NvmlError as error:
            self._fail(slot, absence_of(error), now_ns)

    def _look_closer(self, bank: Bank, missing: Missing, now_ns: int) -> None:
        """Say why values are missing: only where something else is missing than before."""
        self._waiting = False
        self._last_missing = None if bank.failures else missing
        for slot in [slot for slot in self._slots if slot.included]:
            if (failure := bank.failures.get(slot.index)) is not None:
                self._fail(slot, absence_of(failure), now_ns)
            elif slot.index in bank.answered:
                self._explain_answers(slot, missing, now_ns)
            else:
                self._wait(slot, now_ns)

    def _explain_answers(self, slot: _Slot, missing: Missing, now_ns: int) -> None:
        slot.waiting_since_ns = None
        for index, call in zip(slot.columns, self._what.calls, strict=True):
            code = missing.get(index)
            self._absences[index] = None if code is None else answered(code, call, slot.subject.uuid)
        absences = (self._absences[index] for index in slot.columns)
        if any(absence is not None and absence.state is AbsenceState.LOST for absence in absences):
            slot.subject.forget()
            self._leave_out(slot, now_ns)

    def _wait(self, slot: _Slot, now_ns: int) -> None:
        """There is no earlier sample yet; that cannot stay so for long."""
        self._waiting = True
        if slot.waiting_since_ns is None:
            slot.waiting_since_ns = now_ns
        late = now_ns - slot.waiting_since_ns > PATIENCE_NS
        self._explain(slot, no_data(self._what.calls[0]) if late else None)

    def _fail_all(self, absence: Absence, now_ns: int) -> Row:
        self.steady, self._last_missing = False, None
        for slot in [slot for slot in self._slots if slot.included]:
            self._fail(slot, absence, now_ns)
        return self._row

    def _fail(self, slot: _Slot, absence: Absence, now_ns: int) -> None:
        """Note why a subject has no values. The bank has dropped what averages of it could begin at."""
        if absence.state is AbsenceState.LOST:
            slot.subject.forget()
        ask_ns = ask_again_ns(absence, now_ns)
        if ask_ns > now_ns or not slot.included:
            self._leave_out(slot, ask_ns)
        slot.waiting_since_ns = None
        self._explain(slot, absence)
        self._clear(slot)

    def _leave_out(self, slot: _Slot, ask_ns: int) -> None:
        """Do not read a subject before ``ask_ns``."""
        if self._bank is not None:
            self._bank.leave_out(slot.index)
        slot.included, slot.ask_ns, slot.waiting_since_ns = False, ask_ns, None
        if slot.users:
            self._settle_ns = min(self._settle_ns, ask_ns)

    def _explain(self, slot: _Slot, absence: Absence | None) -> None:
        for index in slot.columns:
            self._absences[index] = absence

    def _clear(self, slot: _Slot) -> None:
        self._row[slot.columns.start : slot.columns.stop] = nan
