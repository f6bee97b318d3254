"""What the servers of an open loop keep in common: the queue, who is answering what, the phases and the window."""

from collections.abc import Iterable, Sequence

import numpy as np

from migperf.measure.figures import ResultFigure
from migperf.measure.load import Load
from migperf.measure.loops.in_order import InOrder
from migperf.measure.loops.stopping import Ended, StopRule
from migperf.measure.loops.timers import Timing
from migperf.measure.loops.waiting import Taken, WaitingRoom
from migperf.measure.loops.window import Window
from migperf.measure.phases import Phase
from migperf.measure.recorder import Recorder
from migperf.metrics.metric import Scope
from migperf.statistics.sample_quantiles import supported_quantile

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


class Book:
    """The state of an open loop; used under a lock. It is told the time with every call, and knows no clock.

    A phase ends when its rule says so; which requests belong to the measured window, their planned arrivals say. All
    is over when every request of the window was answered or lost, or ``drain_s`` after the window's end.
    """

    def __init__(
        self,
        load: Load,
        arrivals: Iterable[int],
        phases: Sequence[tuple[Phase, StopRule]],
        recorder: Recorder,
        zero_ns: int,
        drain_s: float,
    ) -> None:
        self._load, self._recorder, self._drain_ns = load, recorder, round(drain_s * NS_PER_S)
        self._room = WaitingRoom((zero_ns + planned_ns for planned_ns in arrivals), load)
        (warming_up, self._warmup), (self._measuring_phase, self._measuring) = phases
        self._in_order = InOrder()
        self._under_way: list[Taken] = []
        self._ends: list[Ended] = []
        self._end_ns: int | None = None
        self._abandoned = False
        self._told = 0, 0
        self._tally = _Tally()
        recorder.enter(warming_up)
        self._enter(self._warmup, zero_ns)

    def is_over(self, now_ns: int) -> bool:
        """Tell whether nothing is left to do; looks whether the phase ends."""
        if self._abandoned:
            return True
        self._room.admit(now_ns)
        self._tell_of_lost()
        self._look(now_ns)
        if self._end_ns is None:
            return False
        return self._earliest_ns() > self._end_ns or now_ns >= self._end_ns + self._drain_ns

    def take(self, now_ns: int, free_ns: int) -> Taken | None:
        """Give a server that is free since ``free_ns`` what it is to answer now."""
        taken = self._room.take(now_ns)
        if taken is not None:
            self._under_way.append(taken)
            if self._end_ns is None:
                self._tally.woken_late_ns.append(now_ns - max(taken.ready_ns, free_ns))
        return taken

    def due_ns(self) -> int:
        """Return when a server that got nothing is to ask again."""
        return self._room.due_ns()

    def answered(self, taken: Taken, timing: Timing, now_ns: int) -> None:
        """Take in what was answered: one timing of the batch, from which each of its requests gets its own."""
        self._under_way.remove(taken)
        end_ns = timing.start_ns + timing.duration_ns
        for planned_ns in taken.planned_ns:
            queued = ("queueing", timing.start_ns - planned_ns)
            self._in_order.add(Timing(planned_ns, end_ns - planned_ns, (queued, *timing.parts)))
        self._recorder.record(self._in_order.before(self._earliest_ns()))
        if self._rule is self._warmup:
            self._rule.take([timing.duration_ns / NS_PER_MS])
            self._steps += len(taken.planned_ns)
        else:
            self._count(taken, timing, end_ns)
        self._look(now_ns)

    def abandon(self) -> None:
        """Let every server end after what it is doing."""
        self._abandoned = True

    def close(self, now_ns: int) -> Window:
        """Return the window, when all is over."""
        start_ns, end_ns = self._start_ns, self._end_ns if self._end_ns is not None else now_ns
        self._recorder.record(self._in_order.before(None))
        self._recorder.flush()
        lost = {
            "dropped": _within(self._room.dropped, start_ns, end_ns),
            "given_up": _within(self._room.given_up, start_ns, end_ns),
            "unfinished": _within((p for t in self._under_way for p in t.planned_ns), start_ns, end_ns)
            + _within(self._room.waiting(), start_ns, end_ns),
        }
        return Window(
            start_ns=start_ns,
            end_ns=end_ns,
            warmup=self._ends[0],
            measuring=self._ends[1],
            unanswered=sum(lost.values()),
            figures=self._tally.figures(lost, (end_ns - start_ns) / NS_PER_S, self._load.streams),
        )

    def _count(self, taken: Taken, timing: Timing, end_ns: int) -> None:
        """Count what belongs to the window, which is open or has been closed."""
        window_end_ns = end_ns if self._end_ns is None else self._end_ns
        counted = [planned_ns for planned_ns in taken.planned_ns if self._start_ns <= planned_ns <= window_end_ns]
        busy_ns = min(end_ns, window_end_ns) - max(timing.start_ns, self._start_ns)
        self._tally.add(len(counted), max(0, busy_ns))
        self._steps += len(counted)
        self._rule.take([(end_ns - planned_ns) / NS_PER_MS for planned_ns in counted])

    def _tell_of_lost(self) -> None:
        """Tell the rule of requests that were planned since its phase began and have been lost since it was told."""
        dropped, given_up = self._told
        fresh = [*self._room.dropped[dropped:], *self._room.given_up[given_up:]]
        self._told = len(self._room.dropped), len(self._room.given_up)
        if (lost := sum(planned_ns >= self._start_ns for planned_ns in fresh)) and self._end_ns is None:
            self._rule.lose(lost)

    def _look(self, now_ns: int) -> None:
        if self._end_ns is not None:
            return
        elapsed_ns = now_ns - self._start_ns
        self._recorder.report_progress(now_ns, self._rule.fraction(self._steps, elapsed_ns), self._steps)
        if (ended := self._rule.ended(self._steps, elapsed_ns)) is None:
            return
        self._ends.append(ended)
        if self._rule is self._warmup:
            self._recorder.enter(self._measuring_phase)
            self._enter(self._measuring, now_ns)
        else:
            self._end_ns = now_ns
            self._tally.waiting_at_end = len(self._room)

    def _enter(self, rule: StopRule, now_ns: int) -> None:
        self._rule, self._start_ns, self._steps = rule, now_ns, 0
        self._tally = _Tally()

    def _earliest_ns(self) -> int:
        """The planned arrival of the earliest request that has not been answered."""
        return min([self._room.oldest_ns, *(taken.planned_ns[0] for taken in self._under_way)])


class _Tally:
    """What an open loop counts within its window."""

    def __init__(self) -> None:
        self.answered = 0
        self.batches = 0
        self.busy_ns = 0
        self.waiting_at_end = 0
        self.woken_late_ns: list[int] = []

    def add(self, requests: int, busy_ns: int) -> None:
        """Count a batch that was answered."""
        self.answered += requests
        self.batches += bool(requests)
        self.busy_ns += busy_ns

    def figures(self, lost: dict[str, int], window_s: float, streams: int) -> tuple[ResultFigure, ...]:
        """Return what the requests of the window came to, and how busy the streams were."""
        arrived = self.answered + sum(lost.values())
        return (
            _figure("offered_rate", "request/s", arrived / window_s if window_s > 0 else None, "the window is empty"),
            *(_figure(f"requests_{what}", "request", float(count)) for what, count in lost.items()),
            _figure("requests_waiting_at_end", "request", float(self.waiting_at_end)),
            _figure("requests_per_batch", "request", self.answered / self.batches if self.batches else None, NOTHING),
            _figure(
                "utilisation", "1", self.busy_ns / NS_PER_S / window_s / streams if window_s > 0 else None, NOTHING
            ),
            self._lateness(),
        )

    def _lateness(self) -> ResultFigure:
        """How late this program itself took requests that could have been taken, ms; part of their latency."""
        late_ms = np.array(self.woken_late_ns) / NS_PER_MS
        value = supported_quantile(late_ms, 0.99)
        return _figure("dispatch_lateness_p99", "ms", value, f"{len(late_ms)} batches are too few for a p99")


NOTHING = "no request was answered while measuring"


def _figure(name: str, unit: str, value: float | None, absent: str | None = None) -> ResultFigure:
    return ResultFigure(
        name=name, unit=unit, scope=Scope.PROCESS, value=value, absent=None if value is not None else absent
    )


def _within(planned_ns: Iterable[int], start_ns: int, end_ns: int) -> int:
    return sum(start_ns <= planned <= end_ns for planned in planned_ns)
