"""What measuring itself costs, on this partition and now: the run's own loop around a payload that does nothing."""

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from migperf.measure.benchmark import Benchmark, Method, Scenario
from migperf.measure.figures import ResultFigure
from migperf.measure.load import HIGHEST_RATE_PER_S, Arrivals, Load
from migperf.measure.loops.open_loop import OpenLoop
from migperf.measure.loops.stopping import AtLeast
from migperf.measure.loops.timers import Timing
from migperf.measure.loops.until_decided import UntilDecided
from migperf.measure.recorder import Recorder
from migperf.measure.scenarios import open_loop, prepare
from migperf.measure.searching.rate_search import RateSearch, Shown
from migperf.metrics.metric import Scope
from workloads.base import Context, InferencePayload, Payload
from workloads.synthetic.null import NullWorkload
from workloads.synthetic.parameters import NullParameters

if TYPE_CHECKING:
    import torch

STEPS = 1000
LONGEST_S = 0.25
ENOUGH_STEPS = 200
ATTEMPTS = 3
"""A host that stands still for seconds ends an attempt after a few steps; what it took then is no step's cost."""
HONEST_QUANTILE, HONEST_MS = 0.9, 1.0
"""A generator is honest at a rate if nine requests in ten that cost nothing are answered within a millisecond."""
LOWEST_HONEST_PER_S = 100.0
"""At lower rates a trial would take longer than all others together."""
CROWDING_PER_S = 200_000.0
"""More than a loop written in Python answers, and less than it lets arrive: it must not fall behind its plan."""
NS_PER_US, NS_PER_S = 1_000, 1_000_000_000


def harness_figures(benchmark: Benchmark, device: "torch.device") -> tuple[ResultFigure, ...]:
    """Return the cost of a step that does nothing and, of a server, up to which rate its arrivals are on time.

    Takes some 20 ms, of a server about a second.
    """
    load = _unhindered(benchmark.load)
    quick = Method(
        warmup_steps=10,
        warmup_s=0,
        warmup_max_s=LONGEST_S,
        steady_within=None,
        min_steps=STEPS,
        min_s=0,
        max_s=LONGEST_S,
        precision=None,
    )
    bare = benchmark.model_copy(update={"method": quick, "load": load, "search": None})
    cost = _step_cost(bare, device)
    if benchmark.scenario is not Scenario.SERVER:
        return (cost,)
    return cost, _honest_rate(bare, _null(bare, device), device)


def _step_cost(bare: Benchmark, device: "torch.device") -> ResultFigure:
    for _ in range(ATTEMPTS):
        steps, took_ns = _attempt(bare, device)
        if steps >= ENOUGH_STEPS:
            return _cost(steps, took_ns / NS_PER_US / steps)
    return _cost(steps, None, f"{steps} steps in {took_ns / NS_PER_S:.1f} s say nothing of the cost of one")


def _attempt(bare: Benchmark, device: "torch.device") -> tuple[int, int]:
    """Return how many steps that do nothing were done, and what all of them took, ns."""
    heard, begun_ns = _Unheard(), time.monotonic_ns()
    drive = prepare(bare, _null(bare, device), device)
    (replace(drive, drain_s=0.0) if isinstance(drive, OpenLoop) else drive).perform(heard)
    return len(heard.timings), time.monotonic_ns() - begun_ns


def _cost(steps: int, value_us: float | None, absent: str | None = None) -> ResultFigure:
    method = "a payload that does nothing, in the same loop, before the run"
    return ResultFigure(
        name="harness_step_cost",
        unit="us",
        scope=Scope.PROCESS,
        value=value_us,
        samples=steps,
        method=method if absent is None else None,
        absent=absent,
    )


def _honest_rate(bare: Benchmark, payload: Payload, device: "torch.device") -> ResultFigure:
    """Search for the highest rate at which arrivals are answered on time if answering costs nothing."""
    search = RateSearch(1000.0, 0.25, LOWEST_HONEST_PER_S, float(HIGHEST_RATE_PER_S))
    while (rate_per_s := search.next_rate()) is not None:
        search.tell(rate_per_s, Shown(_trial(bare, payload, device, rate_per_s)))
    keeps_per_s = search.found().keeps_per_s
    method = f"p{100 * HONEST_QUANTILE:g} of a payload that does nothing within {HONEST_MS:g} ms, before the run"
    absent = f"at {LOWEST_HONEST_PER_S:g}/s already, requests that cost nothing were late"
    return ResultFigure(
        name="generator_honest_rate",
        unit="request/s",
        scope=Scope.PROCESS,
        value=keeps_per_s,
        method=method if keeps_per_s else None,
        absent=None if keeps_per_s else absent,
    )


def _trial(bare: Benchmark, payload: Payload, device: "torch.device", rate_per_s: float) -> str:
    if not isinstance(payload, InferencePayload):
        raise TypeError("only inference has a server")
    load = Load(streams=bare.load.streams if bare.load else 1, rate_per_s=rate_per_s)
    least = AtLeast(steps=0, s=0, max_s=LONGEST_S)
    rule = UntilDecided(HONEST_QUANTILE, HONEST_MS, bare.method.level, least)
    loop = open_loop(bare, load, payload, device)
    return replace(loop, measuring=rule, drain_s=0.0).perform(_Unheard()).measuring.by


def _unhindered(load: Load | None) -> Load | None:
    """Return a load of the same streams that always has a request waiting."""
    if load is None:
        return None
    return Load(streams=load.streams, rate_per_s=CROWDING_PER_S, arrivals=Arrivals.CONSTANT)


def _null(bare: Benchmark, device: "torch.device") -> Payload:
    build = NullWorkload().training if bare.scenario is Scenario.TRAIN else NullWorkload().inference
    return build(NullParameters(), Context(device=device, seed=bare.seed))


class _Unheard(Recorder):
    """Keeps the timings, and has nobody to send anything to."""

    def __init__(self) -> None:
        super().__init__(None)
        self.timings: list[Timing] = []

    def record(self, timings: Iterable[Timing]) -> None:
        """Keep the timings."""
        self.timings.extend(timings)
