"""Steps that tests of the API take on the database, as a worker would: place, begin, watch and finish a run."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import func, select

from migperf.measure.figures import Interval, ResultFigure
from migperf.measure.hygiene.facts import Facts, Hygiene, Taint
from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.metric import Kind, Metric, Scope
from migperf.metrics.series import Chunk, Gap, SeriesUpdate
from migperf.metrics.summary import SeriesSummary
from migperf.store import leases, results, runs, series
from migperf.store.database import Database
from migperf.store.models import Base
from migperf.store.states import RunState
from tests import builders
from tests.databases import BACKENDS

NOW = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
NS_PER_S = 1_000_000_000
LATENCY = Metric(name="latency", unit="ms", scope=Scope.PROCESS, source="timer")
POWER = Metric(name="power", unit="W", scope=Scope.GPU, source="nvml")
GRACT = Metric(name="gract", unit="%", scope=Scope.INSTANCE, source="gpm", kind=Kind.AVERAGE, period_ns=100_000_000)
NO_SENSOR = Absence(AbsenceState.NOT_SUPPORTED, "the instance has no power sensor")
LOST = Absence(AbsenceState.LOST, "the GPU has fallen off the bus")
STALLED = Absence(AbsenceState.STALLED, "the sampler did not get to run")
REQUEST = {"workload": "test-step", "scenario": "single_stream"}
both_databases = pytest.mark.parametrize("database_url", BACKENDS, indirect=True)


def submitted(database: Database, at: datetime = NOW, **request: object) -> str:
    """Store a queued run and return its id."""
    with database.write() as session:
        return builders.submit(session, at, **request).id


def begun(database: Database, run_id: str, *, simulated: bool = False) -> int:
    """Put the run on a partition of its own, begin it and return its token."""
    with database.write() as session:
        partition = builders.partition(f"CPU-{run_id}", simulated=simulated)
        builders.register(session, NOW, partition, node=f"node-{run_id[-8:]}")
        run = runs.lock(session, run_id)
        token = builders.place(session, run, NOW, partition.uuid, f"node-{run_id[-8:]}").id
        leases.claim(session, token, "incarnation", NOW + timedelta(seconds=1), 15)
        return token


def entered(database: Database, run_id: str, phase: str) -> None:
    """Have the run enter a phase."""
    with database.write() as session:
        runs.note_phase(session, runs.lock(session, run_id), phase, NOW + timedelta(seconds=2))


def progressed(database: Database, run_id: str, progress: float) -> None:
    """Have the run come so far."""
    with database.write() as session:
        run = runs.lock(session, run_id)
        run.progress = progress
        runs.touch(run)


def finished(database: Database, token: int, state: RunState = RunState.SUCCEEDED, reason: str | None = None) -> None:
    """End the run."""
    with database.write() as session:
        leases.finish(session, token, state, NOW + timedelta(seconds=9), reason)


def measured(database: Database, *, simulated: bool = False, reason: str | None = None, **request: object) -> str:
    """Store a run that has succeeded with everything that a run can leave behind, and return its id."""
    run_id = submitted(database, **request)
    token = begun(database, run_id, simulated=simulated)
    with database.write() as session:
        run = runs.lock(session, run_id)
        run.window_start_ns, run.window_end_ns = 2 * NS_PER_S, 7 * NS_PER_S
        run.warmup_ended_by, run.measuring_ended_by = "steps", "min_s"
        run.environment = {"host": "gpu-node-3", "torch": "2.11.0", "cpu_governor": None}
        results.store_figures(session, run_id, FIGURES)
        times = (np.arange(100) * NS_PER_S // 10) + 5
        latency = SeriesUpdate(LATENCY, Chunk(times, np.linspace(4.0, 5.0, 100)))
        absent = SeriesUpdate(POWER, Chunk.joined(()), (Gap(5, None, NO_SENSOR),))
        series.append(session, run_id, [latency, absent], clock_zero_ns=5)
        series.store_summaries(session, run_id, SUMMARIES)
        results.store_log(session, run_id, 1, b"<b>hello</b> \xff\n", 14)
        results.store_tables(session, run_id, {"trials": [{"lr": 0.1}]})
    finished(database, token, reason=reason)
    return run_id


def examined(database: Database, *taints: Taint, **request: object) -> str:
    """Store a run that has succeeded and was looked at; return its id."""
    run_id = measured(database, **request)
    hygiene = Hygiene(facts=Facts(others_cpu_cores=1.0, processors=2), not_checked={"swapped": "nobody counts"})
    with database.write() as session:
        run = runs.lock(session, run_id)
        run.taints = [taint.model_dump() for taint in taints]
        run.environment = {**(run.environment or {}), "hygiene": hygiene.model_dump(mode="json", exclude_none=True)}
        run.converged, run.measuring_note = False, "within 1.42% after 70 samples, asked for 1.00%"
        run.warmup_note = "steady within 2.0% from sample 3 of 64 on"
    return run_id


def watched(database: Database, run_id: str, metric: Metric, samples: Mapping[float, float], *gaps: Gap) -> None:
    """Add samples (seconds since the run's start and values) and gaps (in ns) to a series of the run."""
    chunk = Chunk.of([round(time_s * NS_PER_S) for time_s in samples], list(samples.values()))
    with database.write() as session:
        series.append(session, run_id, [SeriesUpdate(metric, chunk, gaps)], clock_zero_ns=0)


def gap(start_s: float, end_s: float | None, absence: Absence) -> Gap:
    """Return a gap between two times, seconds since the run's start."""
    return Gap(round(start_s * NS_PER_S), None if end_s is None else round(end_s * NS_PER_S), absence)


def requeued(database: Database, token: int) -> None:
    """Have the run put back into the queue, which forgets its series."""
    with database.write() as session:
        leases.hand_back(session, token, NOW + timedelta(seconds=3), "the worker was stopped")


def row_counts(database: Database) -> dict[str, int]:
    """Return how many rows each table has."""
    with database.read() as session:
        tables = Base.metadata.sorted_tables
        return {table.name: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


TAINT = Taint(
    rule="busy_neighbours",
    seen="others kept 1.00 of 2 processors busy",
    threshold="0.25 processors",
    remedy="end or move what else runs on the host, and run again",
)
FIGURES = (
    ResultFigure(
        name="latency_mean",
        unit="ms",
        scope=Scope.PROCESS,
        value=4.51832,
        interval=Interval(low=4.5023, high=4.5341, level=0.95, method="batch means"),
        samples=100,
    ),
    ResultFigure(name="latency_p99", unit="ms", scope=Scope.PROCESS, samples=100, absent="needs at least 300 steps"),
    ResultFigure(name="gpu_power_mean", unit="W", scope=Scope.GPU, absent="the instance has no power sensor"),
)
SUMMARIES = (
    SeriesSummary(
        metric=LATENCY, samples=51, covered=1.0, mean=4.454, minimum=4.202, maximum=4.7071, p50=4.454, p95=4.68, p99=4.7
    ),
    SeriesSummary(metric=POWER, samples=0, covered=0.0, absent=NO_SENSOR.reason),
)
