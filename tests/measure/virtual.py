"""An open loop in virtual time: the real loop, queue, rules and recorder, on a clock that goes on only when told to."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import torch

from migperf.measure.events import Timings, decode
from migperf.measure.load import Load
from migperf.measure.loops.arrivals import arrival_times_ns
from migperf.measure.loops.open_loop import OpenLoop
from migperf.measure.loops.stopping import AtLeast, StopRule
from migperf.measure.loops.streams import usual_streams
from migperf.measure.loops.window import Window
from migperf.measure.recorder import Recorder
from workloads.base import InferencePayload

NS_PER_S = 1_000_000_000


@dataclass
class VirtualClock:
    """Goes on only while somebody sleeps or works; ``wake_late_ns`` is how late a sleeper wakes up."""

    time_ns: int = 5 * NS_PER_S
    wake_late_ns: int = 0

    def now_ns(self) -> int:
        return self.time_ns

    def sleep_until_ns(self, due_ns: int) -> None:
        if due_ns > self.time_ns:
            self.time_ns = due_ns + self.wake_late_ns

    def work(self, s: float) -> None:
        self.time_ns += round(s * NS_PER_S)


class Server(InferencePayload):
    """Answers the requests together that it is given, in the time that ``service_s`` says for so many of them."""

    samples_per_step = 1
    sample_unit = "request"

    def __init__(self, clock: VirtualClock, service_s: Callable[[int], float]) -> None:
        self._clock, self._service_s = clock, service_s

    def next_batch(self) -> int:
        return 1

    def stage(self, batch: int) -> int:
        return batch

    def infer(self, batch: int) -> None:
        self._clock.work(self._service_s(batch))

    def join(self, batches: Iterable[int]) -> int:
        return sum(batches)


class Kept:
    """A pipe whose other end is this list."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    def send_bytes(self, message: bytes) -> None:
        self.messages.append(message)


@dataclass
class Served:
    """What an open loop did: its window, and of the requests of the window when they arrived and what they took."""

    window: Window
    planned_s: np.ndarray
    latency_s: np.ndarray
    parts_s: dict[str, np.ndarray]
    figures: dict[str, float | None] = field(default_factory=dict)


def serve(
    load: Load,
    service_s: Callable[[int], float],
    *,
    arrivals_s: Iterable[float] | None = None,
    warmup: StopRule | None = None,
    measuring: StopRule | None = None,
    requests: int = 1000,
    seed: int = 0,
    wake_late_ns: int = 0,
    drain_s: float = 1e6,
) -> Served:
    """Run an open loop of one stream in virtual time."""
    clock, kept = VirtualClock(wake_late_ns=wake_late_ns), Kept()
    planned = arrival_times_ns(load, seed) if arrivals_s is None else _ns(arrivals_s)
    zero_ns = clock.now_ns()
    loop = OpenLoop(
        payload=Server(clock, service_s),
        device=torch.device("cpu"),
        load=load,
        enter=usual_streams(load.streams, torch.device("cpu")),
        arrivals=planned,
        warmup=warmup or AtLeast(steps=0, s=0, max_s=1e9),
        measuring=measuring or AtLeast(steps=requests, s=0, max_s=1e9),
        drain_s=drain_s,
        clock=clock,
    )
    window = loop.perform(Recorder(kept))
    return _served(window, kept, zero_ns)


def _ns(arrivals_s: Iterable[float]) -> Iterable[int]:
    yield from (round(at_s * NS_PER_S) for at_s in arrivals_s)
    yield from count(10**17, 10**9)


def _served(window: Window, kept: Kept, zero_ns: int) -> Served:
    told = [event for event in map(decode, kept.messages) if isinstance(event, Timings)]
    columns = [event.unpack() for event in told]
    start_ns = np.concatenate([c[0] for c in columns] or [np.empty(0, np.int64)])
    assert (np.diff(start_ns) >= 0).all(), "series are in the order of time"
    counted = (start_ns >= window.start_ns) & (start_ns <= window.end_ns)
    took_ns = np.concatenate([c[1] for c in columns] or [np.empty(0, np.int64)])
    names = columns[0][2] if columns else {}
    return Served(
        window=window,
        planned_s=(start_ns[counted] - zero_ns) / NS_PER_S,
        latency_s=took_ns[counted] / NS_PER_S,
        parts_s={name: np.concatenate([c[2][name] for c in columns])[counted] / NS_PER_S for name in names},
        figures={figure.name: figure.value for figure in window.figures},
    )
