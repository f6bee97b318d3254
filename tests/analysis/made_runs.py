"""Runs that were measured, made up: of which all is known."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from migperf.analysis.measured import MeasuredRun
from migperf.gpus.partition import Partition
from migperf.metrics import catalogue
from migperf.metrics.metric import Metric, Scope
from migperf.metrics.series import Chunk, Gap, Series
from migperf.statistics.samples import Samples
from tests.builders import partition
from tests.statistics.synthetic import autoregressive

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
CLOCK = Metric.of(catalogue.CLOCK_SM, Scope.GPU, "nvml")
BENCHMARK = {
    "workload": "resnet18",
    "scenario": "single_stream",
    "parameters": {"batch_size": 1},
    "method": {"min_s": 5.0},
    "seed": 0,
}
ENVIRONMENT = {"torch": "2.13.0", "torch_threads": 2, "load_average_1min": 0.4, "seed": 0}


def noisy(mean_ms: float, seed: int, count: int = 500, noise: float = 0.02) -> Samples:
    """Durations of some steps, ms."""
    return mean_ms * (1 + noise * autoregressive(0.3)(count, np.random.default_rng(seed)))


def back_to_back(durations_ms: Samples) -> Chunk:
    """Steps that follow each other at once, the first at time 0."""
    begins_ns = np.concatenate([[0], np.cumsum(durations_ms)[:-1]]) * NS_PER_MS
    return Chunk.of(begins_ns.astype(np.int64), durations_ms)


def clock(
    mhz: Sequence[float] | Samples, every_ms: int = 100, gaps: Sequence[Gap] = (), first_ms: int = -100
) -> Series:
    """Readings of the clock of the multiprocessors, from a while before the first step on."""
    times_ns = (first_ms + every_ms * np.arange(len(mhz))) * NS_PER_MS
    return Series(metric=CLOCK, chunk=Chunk.of(times_ns, mhz), gaps=tuple(gaps))


def measured(run_id: str, durations_ms: Samples, **more: Any) -> MeasuredRun:
    """A run with these steps, on a CPU unless told otherwise."""
    given: dict[str, Any] = {
        "fingerprint": "f" * 64,
        "benchmark": BENCHMARK,
        "environment": ENVIRONMENT,
        "partition": partition(),
        "node": "node-1",
        "metric": "latency",
        "samples_per_step": 1,
        "sample_unit": "image",
        "clock": None,
        "clock_absent": f"run {run_id}: it has no series clock_sm",
    }
    return MeasuredRun(id=run_id, timings=back_to_back(durations_ms), **(given | more))


def side(name: str, mean_ms: float, count: int = 4, **more: Any) -> tuple[MeasuredRun, ...]:
    """Some runs of one benchmark whose means differ by 0.2 %."""
    generator = np.random.default_rng(sum(map(ord, name)))
    return tuple(
        measured(
            f"{name}-{n}",
            noisy(mean_ms * (1 + 0.002 * generator.standard_normal()), 10 * sum(map(ord, name)) + n),
            **more,
        )
        for n in range(count)
    )


def simulated() -> Partition:
    """A partition that does not exist."""
    return partition("CPU-2", simulated=True)
