"""The scenario multi_stream: several closed loops at once, each asking for the next answer when it has the last."""

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migperf.measure.loops.in_order import InOrder
from migperf.measure.loops.stopping import Ended, StopRule
from migperf.measure.loops.streams import Enter, run_streams
from migperf.measure.loops.timers import Timing, synchronised_timer
from migperf.measure.loops.window import Window
from migperf.measure.phases import Phase
from migperf.measure.recorder import Recorder
from workloads.base import InferencePayload

if TYPE_CHECKING:
    import torch

NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiStream:
    """A payload ready to be asked by ``streams`` loops at once, and the rules, which look at latencies.

    The loops go on without a pause from warm-up into measuring. A request belongs to the window if it began in it, also
    if it ended later.
    """

    payload: InferencePayload
    device: "torch.device"
    streams: int
    enter: Enter
    warmup: StopRule
    measuring: StopRule

    def perform(self, recorder: Recorder) -> Window:
        """Warm up, measure, and return the measured window."""
        book = _Book(self, recorder)
        run_streams(self.streams, self.enter, lambda: self._loop(book), book.abandon)
        return book.close()

    def _loop(self, book: "_Book") -> None:
        timer = synchronised_timer(self.device)
        stream = threading.get_ident()
        while (batch := book.next_batch(stream)) is not None:
            timer.begin()
            staged = self.payload.stage(batch[0])
            timer.lap("staging")
            self.payload.infer(staged)
            timer.lap("compute")
            timer.end()
            book.ended(stream, timer.completed())


class _Book:
    """What the loops have in common, under one lock: requests under way, the phase and its rule."""

    def __init__(self, drive: MultiStream, recorder: Recorder) -> None:
        self._drive, self._recorder = drive, recorder
        self._lock = threading.Lock()
        self._in_order = InOrder()
        self._under_way: dict[int, int] = {}
        self._ends: list[Ended] = []
        self._end_ns: int | None = None
        self._abandoned = False
        self._enter(Phase.WARMING_UP, drive.warmup)

    @property
    def _over(self) -> bool:
        return self._abandoned or self._end_ns is not None

    def next_batch(self, stream: int) -> tuple[Any] | None:
        """Return the next request's input, as payloads give out one at a time; None when there is to be no more."""
        with self._lock:
            if self._over:
                return None
            batch = self._drive.payload.next_batch()
            self._under_way[stream] = time.monotonic_ns()
            return (batch,)

    def ended(self, stream: int, timings: list[Timing]) -> None:
        """Take in a request that was answered, and end the phase if that is to be."""
        with self._lock:
            del self._under_way[stream]
            for timing in timings:
                self._in_order.add(timing)
            self._recorder.record(self._in_order.before(min(self._under_way.values(), default=None)))
            if self._over:
                return
            counted = [timing for timing in timings if timing.start_ns >= self._start_ns]
            self._steps += len(counted)
            self._rule.take([timing.duration_ns / NS_PER_MS for timing in counted])
            self._look()

    def abandon(self) -> None:
        """Let every loop end after what it is doing."""
        self._abandoned = True

    def close(self) -> Window:
        """Return the window, after the last answer."""
        end_ns = self._end_ns if self._end_ns is not None else time.monotonic_ns()
        self._recorder.record(self._in_order.before(None))
        self._recorder.flush()
        return Window(start_ns=self._start_ns, end_ns=end_ns, warmup=self._ends[0], measuring=self._ends[1])

    def _look(self) -> None:
        elapsed_ns = (now_ns := time.monotonic_ns()) - self._start_ns
        self._recorder.report_progress(now_ns, self._rule.fraction(self._steps, elapsed_ns), self._steps)
        if (ended := self._rule.ended(self._steps, elapsed_ns)) is None:
            return
        self._ends.append(ended)
        if self._rule is self._drive.warmup:
            self._enter(Phase.MEASURING, self._drive.measuring)
        else:
            self._end_ns = now_ns

    def _enter(self, phase: Phase, rule: StopRule) -> None:
        self._rule, self._steps = rule, 0
        self._start_ns = self._recorder.enter(phase)
