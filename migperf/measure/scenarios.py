"""The scenarios: how steps are asked of a payload, and what of a step is timed.

Later scenarios (several streams, planned arrivals) join here: a scenario is a function that takes one step of the
payload between ``begin`` and ``end`` of a timer; phases and rules stay what they are.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migperf.measure.benchmark import Method, Scenario
from migperf.measure.phases import Phase
from migperf.measure.recorder import Recorder
from migperf.measure.stopping import AtLeast, Exactly, StopRule
from migperf.measure.timers import StepTimer, pipelined_timer, synchronised_timer
from workloads.base import InferencePayload, Payload, TrainingPayload

if TYPE_CHECKING:
    import torch

Step = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The measured window, CLOCK_MONOTONIC, ns: from the first measured step's beginning to the last one's end."""

    start_ns: int
    end_ns: int
    steps: int
    warmup_ended_by: str
    measuring_ended_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """A payload ready to be stepped: its step with the timer around what counts, and its two rules."""

    step: Step
    timer: StepTimer
    warmup: StopRule
    measuring: StopRule


def prepare(scenario: Scenario, payload: Payload, method: Method, device: "torch.device") -> Drive:
    """Return how the scenario drives the payload."""
    warmup: StopRule = AtLeast(steps=method.warmup_steps, s=method.warmup_s, max_s=method.max_s)
    measuring: StopRule = AtLeast(steps=method.min_steps, s=method.min_s, max_s=method.max_s)
    if isinstance(payload, TrainingPayload):
        timer = pipelined_timer(device)
        if payload.total_steps is not None:
            warmup, measuring = Exactly(steps=0), Exactly(steps=payload.total_steps)
        return Drive(step=_training_step(payload, timer), timer=timer, warmup=warmup, measuring=measuring)
    if not isinstance(payload, InferencePayload):
        raise TypeError(f"{type(payload).__name__} is neither an InferencePayload nor a TrainingPayload")
    if scenario is Scenario.SINGLE_STREAM:
        timer = synchronised_timer(device)
        return Drive(step=_answer_request(payload, timer), timer=timer, warmup=warmup, measuring=measuring)
    timer = pipelined_timer(device)
    return Drive(step=_answer_batch(payload, timer), timer=timer, warmup=warmup, measuring=measuring)


def perform(drive: Drive, recorder: Recorder) -> Window:
    """Warm up, then measure, and return the measured window."""
    warmup = _phase(Phase.WARMING_UP, drive, drive.warmup, recorder)
    measured = _phase(Phase.MEASURING, drive, drive.measuring, recorder)
    return Window(
        start_ns=measured.start_ns,
        end_ns=measured.end_ns,
        steps=measured.steps,
        warmup_ended_by=warmup.ended_by,
        measuring_ended_by=measured.ended_by,
    )


@dataclass(frozen=True, slots=True)
class _PhaseTaken:
    start_ns: int
    end_ns: int
    steps: int
    ended_by: str


def _phase(phase: Phase, drive: Drive, rule: StopRule, recorder: Recorder) -> _PhaseTaken:
    """Step until the rule ends the phase and every step has ended on the device."""
    recorder.enter(phase)
    start_ns = now_ns = time.monotonic_ns()
    steps = 0
    while (ended_by := rule.ended_by(steps, now_ns - start_ns)) is None:
        recorder.report_progress(now_ns, rule.fraction(steps, now_ns - start_ns), steps)
        drive.step()
        steps += 1
        recorder.record(drive.timer.completed())
        now_ns = time.monotonic_ns()
    recorder.record(drive.timer.drain())
    end_ns = time.monotonic_ns()
    recorder.flush()
    return _PhaseTaken(start_ns, end_ns, steps, ended_by)


def _answer_request(payload: InferencePayload, timer: StepTimer) -> Step:
    """A request's latency counts from its arrival, so copying its input to the device belongs to it."""

    def step() -> None:
        batch = payload.next_batch()
        timer.begin()
        payload.infer(payload.stage(batch))
        timer.end()

    return step


def _answer_batch(payload: InferencePayload, timer: StepTimer) -> Step:
    def step() -> None:
        timer.begin()
        payload.infer(payload.stage(payload.next_batch()))
        timer.end()

    return step


def _training_step(payload: TrainingPayload, timer: StepTimer) -> Step:
    """A training step counts from asking for its data to the end of the optimiser's update."""

    def step() -> None:
        timer.begin()
        payload.step(payload.stage(payload.next_batch()))
        timer.end()

    return step
