"""Where the supervisors of a group's runs meet: they begin and end together, or break up together.

Lives in the worker that performs them all. Every method may be called from any thread, and none waits.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from migperf.measure.company import Stage
from migperf.metrics.series import Series
from migperf.metrics.summary import Window

OpenGate = Callable[[Stage], None]


@dataclass(frozen=True, slots=True)
class BrokenUp:
    """Why the group cannot be measured together any more.

    ``again`` says that it ended from outside and not by its own doing: its runs can be run again.
    """

    reason: str
    again: bool


@dataclass(slots=True)
class _Member:
    open_gate: OpenGate
    reached: set[Stage] = field(default_factory=set)
    window: Window | None = None
    cpu: tuple[Series, ...] = ()


class Rendezvous:
    """The meeting of one group's runs, once."""

    def __init__(self, members: int) -> None:
        self._expected = members
        self._lock = threading.Lock()
        self._members: dict[str, _Member] = {}
        self._broken: BrokenUp | None = None

    @property
    def is_full(self) -> bool:
        """Whether every run of the group is here."""
        with self._lock:
            return len(self._members) == self._expected

    @property
    def broken(self) -> BrokenUp | None:
        """Why the group broke up; None while it has not."""
        with self._lock:
            return self._broken

    def join(self, run_id: str, open_gate: OpenGate) -> None:
        """Come in. ``open_gate`` is called, from any thread, for each stage that all have reached."""
        with self._lock:
            self._members[run_id] = _Member(open_gate)

    def reach(self, run_id: str, stage: Stage) -> None:
        """Say that a run has come so far; the last to come opens the gate for all."""
        with self._lock:
            self._members[run_id].reached.add(stage)
            if len(self._members) < self._expected or any(stage not in m.reached for m in self._members.values()):
                return
            gates = [member.open_gate for member in self._members.values()]
        for open_gate in gates:
            open_gate(stage)

    def measured(self, run_id: str, window: Window, cpu: Iterable[Series] = ()) -> None:
        """Say when a run measured, and the processor time of its process tree until then (series of that metric)."""
        with self._lock:
            self._members[run_id].window, self._members[run_id].cpu = window, tuple(cpu)

    def companions(self, run_id: str) -> tuple[Series, ...]:
        """Return the processor time of the other runs' process trees, of those that have told it."""
        with self._lock:
            return tuple(series for other, member in self._members.items() if other != run_id for series in member.cpu)

    def common_window(self) -> Window | None:
        """Return the time in which all were measuring; None while some have not told when they did.

        May be empty or of negative length, where there is no such time.
        """
        with self._lock:
            windows = [member.window for member in self._members.values() if member.window is not None]
            if len(windows) < self._expected:
                return None
        return Window(max(w.start_ns for w in windows), min(w.end_ns for w in windows))

    def break_up(self, reason: str, *, again: bool) -> None:
        """Say that a run of the group will not be measured with the others; the first reason stays."""
        with self._lock:
            self._broken = self._broken or BrokenUp(reason, again)
