"""The scenarios: which loop drives a payload, with which timer and which rules."""

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from migperf.errors import MigperfError
from migperf.measure.benchmark import Benchmark, Scenario
from migperf.measure.company import Stage
from migperf.measure.load import Load
from migperf.measure.loops.arrivals import arrival_times_ns
from migperf.measure.loops.clock import MonotonicClock
from migperf.measure.loops.closed_loop import ClosedLoop, answer_batch, answer_request, training_step
from migperf.measure.loops.multi_stream import MultiStream
from migperf.measure.loops.open_loop import OpenLoop
from migperf.measure.loops.rules import measuring_rule, warmup_rule
from migperf.measure.loops.stopping import Exactly
from migperf.measure.loops.streams import Enter, usual_streams
from migperf.measure.loops.timers import Timing, pipelined_timer, synchronised_timer
from migperf.measure.loops.together import Meeting, Together
from migperf.measure.loops.window import Window
from migperf.measure.recorder import Recorder
from migperf.measure.search import MaxRate
from migperf.measure.searching.max_rate import MaxRateDrive
from workloads.base import InferencePayload, JoiningNotOfferedError, Payload, TrainingPayload

if TYPE_CHECKING:
    import torch

DRAIN_S = 30.0
"""Requests that arrived in time get so long to be answered after the window has ended."""


class Drive(Protocol):
    """A payload ready to be measured."""

    def perform(self, recorder: Recorder) -> Window:
        """Warm up, measure, and return the measured window."""
        ...


def prepare(benchmark: Benchmark, payload: Payload, device: "torch.device", enter: Enter | None = None) -> Drive:
    """Return how the benchmark's scenario drives the payload; ``enter`` is what its streams are in, if not as usual."""
    if isinstance(payload, TrainingPayload):
        return _training(benchmark, payload, device)
    if not isinstance(payload, InferencePayload):
        raise TypeError(f"{type(payload).__name__} is neither an InferencePayload nor a TrainingPayload")
    if benchmark.scenario is Scenario.MULTI_STREAM:
        return _multi_stream(benchmark, payload, device, enter)
    if benchmark.scenario is Scenario.SERVER:
        return _server(benchmark, payload, device, enter)
    alone = benchmark.scenario is Scenario.SINGLE_STREAM
    timer = synchronised_timer(device) if alone else pipelined_timer(device)
    return ClosedLoop(
        step=answer_request(payload, timer) if alone else answer_batch(payload, timer),
        timer=timer,
        warmup=warmup_rule(benchmark.method),
        measuring=measuring_rule(benchmark.method),
        by_cycle=not alone,
    )


def in_company(drive: Drive, payload: Payload, meeting: Meeting, *, measured: bool) -> Drive:
    """Return a drive whose window begins and ends with those of its group; of a neighbour, without rules of its own.

    Raises NoCompanyError for a drive that cannot go on stepping until others are done.
    """
    ends = isinstance(payload, TrainingPayload) and payload.total_steps is not None
    if ends or not isinstance(drive, (ClosedLoop, MultiStream, OpenLoop)):
        raise NoCompanyError("an end of its own" if ends else "rates of its own to try")
    return replace(
        drive,
        warmup=Together(drive.warmup, meeting, Stage.WARM),
        measuring=Together(drive.measuring if measured else None, meeting, Stage.SATISFIED),
    )


class NoCompanyError(MigperfError):
    """A benchmark cannot be measured together with others."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"it has {why}, so it cannot go on for as long as the runs of its group need; measure it alone"
        )


def _server(benchmark: Benchmark, payload: InferencePayload, device: "torch.device", enter: Enter | None) -> Drive:
    load = benchmark.load or Load()
    if load.max_batch > 1 and type(payload).join is InferencePayload.join:
        raise JoiningNotOfferedError(type(payload).__name__, load.max_batch)
    if not isinstance(benchmark.search, MaxRate):
        return open_loop(benchmark, load, payload, device, enter=enter)
    timer = synchronised_timer(device)
    step = answer_request(payload, timer)

    def at_rate(rate_per_s: float, number: int) -> OpenLoop:
        at_this = load.model_copy(update={"rate_per_s": rate_per_s})
        return open_loop(benchmark, at_this, payload, device, number, enter)

    def answer() -> Timing:
        step()
        return timer.completed()[0]

    return MaxRateDrive(
        search=benchmark.search, method=benchmark.method, streams=load.streams, at_rate=at_rate, answer=answer
    )


def open_loop(
    benchmark: Benchmark,
    load: Load,
    payload: InferencePayload,
    device: "torch.device",
    number: int = 0,
    enter: Enter | None = None,
) -> OpenLoop:
    """Return how requests that arrive by themselves drive the payload; ``number`` gives them arrivals of their own."""
    return OpenLoop(
        payload=payload,
        device=device,
        load=load,
        enter=enter or usual_streams(load.streams, device),
        arrivals=arrival_times_ns(load, (benchmark.seed, number)),
        warmup=warmup_rule(benchmark.method),
        measuring=measuring_rule(benchmark.method),
        drain_s=DRAIN_S,
        clock=MonotonicClock(),
    )


def _multi_stream(
    benchmark: Benchmark, payload: InferencePayload, device: "torch.device", enter: Enter | None
) -> MultiStream:
    streams = (benchmark.load or Load()).streams
    return MultiStream(
        payload=payload,
        device=device,
        streams=streams,
        enter=enter or usual_streams(streams, device),
        warmup=warmup_rule(benchmark.method),
        measuring=measuring_rule(benchmark.method),
    )


def _training(benchmark: Benchmark, payload: TrainingPayload, device: "torch.device") -> ClosedLoop:
    timer = pipelined_timer(device)
    endless = payload.total_steps is None
    return ClosedLoop(
        step=training_step(payload, timer),
        timer=timer,
        warmup=warmup_rule(benchmark.method) if endless else Exactly(steps=0),
        measuring=measuring_rule(benchmark.method) if endless else Exactly(steps=payload.total_steps or 0),
        by_cycle=True,
    )
