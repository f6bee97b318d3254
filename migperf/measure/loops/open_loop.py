"""The scenario server: an open loop. Requests arrive when they were planned to, whatever becomes of those before them.

There is no client that could wait: arrivals are times in a plan, and a request has arrived when its time has come, seen
or not. So nothing that stalls makes later requests come later (coordinated omission), and no pool of threads limits how
many of them wait. Latency counts from the planned arrival to the answer.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migperf.measure.load import Load
from migperf.measure.loops.clock import Clock
from migperf.measure.loops.open_loop_book import Book
from migperf.measure.loops.stopping import StopRule
from migperf.measure.loops.streams import Enter, run_streams
from migperf.measure.loops.timers import HostTimer, StepTimer, SynchronisedCudaTimer, Timing
from migperf.measure.loops.window import Window
from migperf.measure.phases import Phase
from migperf.measure.recorder import Recorder
from workloads.base import InferencePayload

if TYPE_CHECKING:
    import torch

LONGEST_SLEEP_NS = 50_000_000
"""A stream without work looks so often whether all is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLoop:
    """A payload ready to answer requests that arrive at ``arrivals``, ns from the beginning, ascending, without end.

    ``warmup`` looks at what answering takes, ``measuring`` at latencies. Requests planned within the window are waited
    for up to ``drain_s`` after its end, while others go on arriving.
    """

    payload: InferencePayload
    device: "torch.device"
    load: Load
    enter: Enter
    arrivals: Iterator[int]
    warmup: StopRule
    measuring: StopRule
    drain_s: float
    clock: Clock
    phases: tuple[Phase, Phase] = (Phase.WARMING_UP, Phase.MEASURING)

    def perform(self, recorder: Recorder) -> Window:
        """Let requests arrive and answer them until the rules are satisfied; return the measured window."""
        rules = tuple(zip(self.phases, (self.warmup, self.measuring), strict=True))
        book = Book(self.load, self.arrivals, rules, recorder, self.clock.now_ns(), self.drain_s)
        lock = threading.Lock()
        run_streams(self.load.streams, self.enter, lambda: self._serve(book, lock), book.abandon)
        return book.close(self.clock.now_ns())

    def _serve(self, book: Book, lock: threading.Lock) -> None:
        """Be one of the servers of the queue."""
        timer = self._timer()
        free_ns = self.clock.now_ns()
        while True:
            with lock:
                now_ns = self.clock.now_ns()
                if book.is_over(now_ns):
                    return
                taken = book.take(now_ns, free_ns)
                due_ns = book.due_ns()
                batches = [self.payload.next_batch() for _ in taken.planned_ns] if taken else []
            if taken is None:
                self.clock.sleep_until_ns(min(due_ns, now_ns + LONGEST_SLEEP_NS))
                continue
            timing = self._answer(timer, batches)
            free_ns = self.clock.now_ns()
            with lock:
                book.answered(taken, timing, free_ns)

    def _answer(self, timer: StepTimer, batches: list[object]) -> Timing:
        timer.begin()
        batch = batches[0] if len(batches) == 1 else self.payload.join(batches)
        staged = self.payload.stage(batch)
        timer.lap("staging")
        self.payload.infer(staged)
        timer.lap("compute")
        timer.end()
        return timer.completed()[0]

    def _timer(self) -> StepTimer:
        return SynchronisedCudaTimer(self.device) if self.device.type == "cuda" else HostTimer(self.clock.now_ns)
