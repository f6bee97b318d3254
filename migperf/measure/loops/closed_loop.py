"""The closed loops of one stream: the next step is asked for when the last one is answered, or launched."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from migperf.measure.loops.stopping import Ended, StopRule
from migperf.measure.loops.timers import StepTimer, Timing
from migperf.measure.loops.window import Window
from migperf.measure.phases import Phase
from migperf.measure.recorder import Recorder
from workloads.base import InferencePayload, TrainingPayload

NS_PER_MS = 1_000_000
Step = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedLoop:
    """A payload ready to be stepped: its step with the timer around what counts, and its two rules.

    ``by_cycle`` says that the rules look at the time from one step's end to the next one's, as throughput does, and not
    at the step alone.
    """

    step: Step
    timer: StepTimer
    warmup: StopRule
    measuring: StopRule
    by_cycle: bool

    def perform(self, recorder: Recorder) -> Window:
        """Warm up, then measure, and return the measured window."""
        warmup = self._phase(Phase.WARMING_UP, self.warmup, recorder)
        measured = self._phase(Phase.MEASURING, self.measuring, recorder)
        return Window(start_ns=measured.start_ns, end_ns=measured.end_ns, warmup=warmup.ended, measuring=measured.ended)

    def _phase(self, phase: Phase, rule: StopRule, recorder: Recorder) -> "_PhaseTaken":
        """Step until the rule ends the phase and every step has ended on the device."""
        recorder.enter(phase)
        start_ns = now_ns = last_end_ns = time.monotonic_ns()
        steps = 0
        while (ended := rule.ended(steps, now_ns - start_ns)) is None:
            recorder.report_progress(now_ns, rule.fraction(steps, now_ns - start_ns), steps)
            self.step()
            steps += 1
            timings = self.timer.completed()
            recorder.record(timings)
            rule.take(_cycles_ms(timings, last_end_ns) if self.by_cycle else _durations_ms(timings))
            if timings:
                last_end_ns = _end_ns(timings[-1])
            now_ns = time.monotonic_ns()
        recorder.record(self.timer.drain())
        end_ns = time.monotonic_ns()
        recorder.flush()
        return _PhaseTaken(start_ns, end_ns, ended)


@dataclass(frozen=True, slots=True)
class _PhaseTaken:
    start_ns: int
    end_ns: int
    ended: Ended


def answer_request(payload: InferencePayload, timer: StepTimer) -> Step:
    """Return the step of a request. Its latency counts from its arrival, so copying its input belongs to it."""

    def step() -> None:
        batch = payload.next_batch()
        timer.begin()
        staged = payload.stage(batch)
        timer.lap("staging")
        payload.infer(staged)
        timer.lap("compute")
        timer.end()

    return step


def answer_batch(payload: InferencePayload, timer: StepTimer) -> Step:
    """Return the step of a batch among others, getting it included."""

    def step() -> None:
        timer.begin()
        batch = payload.next_batch()
        timer.lap("data", on_host=True)
        staged = payload.stage(batch)
        timer.lap("staging")
        payload.infer(staged)
        timer.lap("compute")
        timer.end()

    return step


def training_step(payload: TrainingPayload, timer: StepTimer) -> Step:
    """Return a training step, from asking for its data to the end of the optimiser's update."""
    payload.lap = timer.lap

    def step() -> None:
        timer.begin()
        batch = payload.next_batch()
        timer.lap("data", on_host=True)
        staged = payload.stage(batch)
        timer.lap("staging")
        payload.step(staged)
        timer.end()

    return step


def _durations_ms(timings: Sequence[Timing]) -> list[float]:
    return [timing.duration_ns / NS_PER_MS for timing in timings]


def _cycles_ms(timings: Sequence[Timing], last_end_ns: int) -> list[float]:
    ends_ns = [last_end_ns, *(_end_ns(timing) for timing in timings)]
    return [(ends_ns[i + 1] - ends_ns[i]) / NS_PER_MS for i in range(len(timings))]


def _end_ns(timing: Timing) -> int:
    return timing.start_ns + timing.duration_ns
