"""Runs that have ended on one partition, as a worker leaves them, with the figures that a roofline needs."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count

from migperf.analysis.calibration import COPY, CalibrationRun, product
from migperf.measure.figures import Interval, ResultFigure
from migperf.metrics.metric import Scope
from migperf.store import leases, results, runs
from migperf.store.database import Database
from migperf.store.states import RunState
from tests import builders
from workloads.micro.parameters import Precision

START = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
UUID = "GPU-1"
WINDOW_S = 5
_minutes = count()


def registered(database: Database, *uuids: str, **more: object) -> None:
    """Have a living node with these partitions."""
    with database.write() as session:
        builders.register(session, START, *(builders.partition(uuid, **more) for uuid in uuids or (UUID,)))


def figures(
    steps: int, samples_per_step: int = 1, spread: float | None = 0.02, **per_step: float
) -> list[ResultFigure]:
    """Return figures of a run of so many steps in its window; ``spread`` is the half width of throughput's interval."""
    rate = steps * samples_per_step / WINDOW_S
    bounds = None if spread is None else (rate * (1 - spread), rate * (1 + spread))
    interval = bounds and Interval(low=bounds[0], high=bounds[1], level=0.95, method="batch means")
    speed = ResultFigure(
        name="throughput", unit="sample/s", scope=Scope.PROCESS, value=rate, interval=interval, samples=steps
    )
    costs = [ResultFigure(name=f"{n}_per_step", unit="B", scope=Scope.PROCESS, value=v) for n, v in per_step.items()]
    return [speed, *costs]


def ran(
    database: Database,
    found: list[ResultFigure],
    *,
    uuid: str = UUID,
    state: RunState = RunState.SUCCEEDED,
    **request: object,
) -> str:
    """Store a run that has ended a minute after the one before it, and return its id."""
    now = START + timedelta(minutes=next(_minutes))
    with database.write() as session:
        run = builders.submit(session, now, **request)
        lease = builders.place(session, runs.lock(session, run.id), now, uuid)
        leases.claim(session, lease.id, "incarnation", now, 15)
        if state is RunState.SUCCEEDED:
            run.window_start_ns, run.window_end_ns = 10**9, (1 + WINDOW_S) * 10**9
        results.store_figures(session, run.id, found)
        leases.finish(session, lease.id, state, now + timedelta(seconds=9), None)
        return run.id


def calibration(
    database: Database, one: CalibrationRun, steps: int, per_step: Mapping[str, float], **more: object
) -> str:
    """Store a run that calibrates and return its id."""
    given = {"workload": one.workload, "scenario": one.scenario, "parameters": one.parameters}
    return ran(database, figures(steps, **per_step), **given, **more)


def calibrated(database: Database, **more: object) -> tuple[str, str]:
    """Store a calibration of 10 TFLOP/s in float32 and 100 GB/s, and return the ids of its two runs."""
    products = calibration(
        database, product(Precision.FP32), 50, {"flops": 1e12, "bytes": 3e9, "least_bytes": 3e9}, **more
    )
    copies = calibration(database, COPY, 250, {"flops": 0, "bytes": 2e9, "least_bytes": 2e9}, **more)
    return products, copies
