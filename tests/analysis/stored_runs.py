"""Runs that succeeded, in a database, whose steps the test chooses."""

import numpy as np

from migperf.measure.figures import ResultFigure
from migperf.metrics.metric import Kind, Metric, Scope
from migperf.metrics.series import Chunk, SeriesUpdate
from migperf.statistics.samples import Samples
from migperf.store import results, runs, series
from migperf.store.database import Database
from tests.analysis.made_runs import NS_PER_S, back_to_back
from tests.api import steps

_NAMES = {"single_stream": "latency", "offline": "batch_time", "train": "step_time"}


def stored(
    database: Database,
    durations_ms: Samples,
    *,
    warmup_ms: Samples | None = None,
    samples: int = 1,
    simulated: bool = False,
    **request: object,
) -> str:
    """Store a run that measured these steps after that warm-up, and return its id."""
    parameters = {"samples": samples} | dict(request.pop("parameters", {}))  # type: ignore[call-overload]
    run_id = steps.submitted(database, parameters=parameters, **request)
    token = steps.begun(database, run_id, simulated=simulated)
    measure(database, run_id, durations_ms, np.empty(0) if warmup_ms is None else warmup_ms, samples)
    steps.finished(database, token)
    return run_id


def measure(database: Database, run_id: str, durations_ms: Samples, warmup_ms: Samples, samples: int = 1) -> None:
    """Give a run that is under way its steps, its window and the figures that tell of them."""
    timings = back_to_back(np.concatenate([warmup_ms, durations_ms]))
    start_ns, end_ns = int(timings.time_ns[len(warmup_ms)]), int(timings.time_ns[-1] + durations_ms[-1] * 1e6)
    with database.write() as session:
        run = runs.lock(session, run_id)
        run.window_start_ns, run.window_end_ns = start_ns, end_ns
        run.warmup_ended_by = run.measuring_ended_by = "steps_and_time"
        run.environment = {"torch": "2.13.0", "torch_threads": 2}
        metric = Metric(name=_NAMES[run.scenario], unit="ms", scope=Scope.PROCESS, source="timer", kind=Kind.DURATION)
        series.append(session, run_id, [SeriesUpdate(metric, Chunk(timings.time_ns, timings.value))], clock_zero_ns=0)
        rate = len(durations_ms) * samples / ((end_ns - start_ns) / NS_PER_S)
        throughput = ResultFigure(
            name="throughput", unit="sample/s", scope=Scope.PROCESS, value=rate, samples=len(durations_ms)
        )
        results.store_figures(session, run_id, [throughput])
