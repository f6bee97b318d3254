"""The roofline of a stored run: its figures, held against the latest calibration of the partition that it was on."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.orm import Session

from migperf.analysis.calibration import COPY, CalibrationRun, product
from migperf.analysis.roofline import Estimate, Placing, Roof, place
from migperf.measure.costing import BYTES, FLOPS, LEAST_BYTES
from migperf.measure.figures import ResultFigure
from migperf.store import results, runs
from migperf.store.latest import latest_succeeded
from migperf.store.models import Run
from migperf.store.states import RunState
from workloads.micro.parameters import Precision

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a step of a run computes (FLOP) and moves (B), unfused and at least."""

    flops: float
    bytes: float
    least_bytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a run attained: steps a second, and what one costs."""

    steps_per_s: Estimate
    cost: Cost


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What a partition attains of something a second, and the run that says so."""

    run_id: str
    per_s: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionRoof:
    """A run under the roof of one precision: placed by its unfused bytes and by the least that it must move."""

    precision: Precision
    of_run: bool
    """Whether it is the precision that the run's engine computed in."""
    flops: Ceiling
    ridge: float
    unfused: Placing
    least: Placing


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRoofline:
    """A run and its roofs; what is not known is None or empty, and then ``absent`` says why."""

    measured: Measured | None = None
    bandwidth: Ceiling | None = None
    roofs: tuple[PrecisionRoof, ...] = ()
    absent: str | None = None


class _Unknown(Exception):  # noqa: N818 - a reason, not an error
    """Why a roofline cannot be drawn."""


def roofline_of(session: Session, run_id: str) -> RunRoofline:
    """Return the roofline of a run. Raises NotFoundError."""
    run = runs.get(session, run_id)
    try:
        measured = _measured(session, run)
    except _Unknown as reason:
        return RunRoofline(absent=str(reason))
    bandwidth = _ceiling(session, run, COPY, BYTES)
    if bandwidth is None:
        return RunRoofline(measured=measured, absent=_uncalibrated(run, COPY.workload))
    roofs = tuple(_roofs(session, run, measured, bandwidth))
    absent = None if roofs else _uncalibrated(run, product(Precision.FP32).workload)
    return RunRoofline(measured=measured, bandwidth=bandwidth, roofs=roofs, absent=absent)


def _roofs(session: Session, run: Run, measured: Measured, bandwidth: Ceiling) -> Iterator[PrecisionRoof]:
    computed_in = (run.benchmark.get("engine") or {}).get("precision", Precision.FP32)
    for precision in sorted(Precision, key=lambda each: each != computed_in):
        if (flops := _ceiling(session, run, product(precision), FLOPS)) is None:
            continue
        roof = Roof(flops_per_s=flops.per_s, bytes_per_s=bandwidth.per_s)
        cost, rate = measured.cost, measured.steps_per_s
        yield PrecisionRoof(
            precision=precision,
            of_run=precision == computed_in,
            flops=flops,
            ridge=roof.ridge,
            unfused=place(rate, cost.flops, cost.bytes, roof),
            least=place(rate, cost.flops, cost.least_bytes, roof),
        )


def _ceiling(session: Session, run: Run, wanted: CalibrationRun, per_step: str) -> Ceiling | None:
    """Return what the latest calibration on the run's partition attained of a figure that counts per step."""
    found = latest_succeeded(session, run.partition or "", wanted.workload, wanted.scenario, wanted.parameters)
    if found is None:
        return None
    figures = _figures(session, found)
    try:
        attained = _steps_per_s(found, figures).times(_value(figures, per_step))
    except _Unknown:
        return None
    return Ceiling(found.id, attained) if attained.value > 0 else None


def _measured(session: Session, run: Run) -> Measured:
    """Return what the run attained. Raises _Unknown."""
    if run.state is not RunState.SUCCEEDED or run.partition is None:
        raise _Unknown(f"the run is {run.state}; only one that has succeeded has figures to place")
    figures = _figures(session, run)
    cost = Cost(**{name: _value(figures, figure) for name, figure in _COSTS.items()})
    if not cost.flops and not min(cost.bytes, cost.least_bytes):
        raise _Unknown("a step of this workload has neither FLOPs nor bytes, so there is nothing to place")
    return Measured(steps_per_s=_steps_per_s(run, figures), cost=cost)


_COSTS = {"flops": FLOPS, "bytes": BYTES, "least_bytes": LEAST_BYTES}


def _steps_per_s(run: Run, figures: dict[str, ResultFigure]) -> Estimate:
    """Return steps a second over the measured window, gaps included, as throughput tells it. Raises _Unknown."""
    throughput, value = figures.get("throughput"), _value(figures, "throughput")
    if throughput is None or not throughput.samples or run.window_start_ns is None or run.window_end_ns is None:
        raise _Unknown("the run has no measured window")
    window_s = (run.window_end_ns - run.window_start_ns) / _NS_PER_S
    return Estimate(value, throughput.interval).times(throughput.samples / window_s / value)


def _figures(session: Session, run: Run) -> dict[str, ResultFigure]:
    return {figure.name: figure for figure in results.read_figures(session, run.id)}


def _value(figures: dict[str, ResultFigure], name: str) -> float:
    """Return a figure's value. Raises _Unknown with the reason why it has none."""
    figure = figures.get(name)
    if figure is None:
        raise _Unknown(f"the result has no figure {name}; it is from a version that did not count it: run it again")
    if figure.value is None:
        raise _Unknown(f"{name}: {figure.absent}")
    return figure.value


def _uncalibrated(run: Run, workload: str) -> str:
    return (
        f"partition {run.partition} is not calibrated: no run of {workload} has succeeded on it as `migperf calibrate` "
        f"makes it; `migperf calibrate --where partition={run.partition}` does"
    )
