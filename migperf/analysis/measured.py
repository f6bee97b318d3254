"""A run as a comparison needs it: the steps of its measured window, its clock, and what it was run with and on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from migperf.analysis.cycles import REACH_NS
from migperf.analysis.errors import IncomparableError
from migperf.gpus.partition import Partition
from migperf.measure.benchmark import Scenario
from migperf.measure.figures import ResultFigure
from migperf.measure.timing_log import timing_metric
from migperf.metrics.catalogue import CLOCK_SM
from migperf.metrics.metric import NS_PER_S
from migperf.metrics.series import Chunk, Series
from migperf.metrics.summary import Window
from migperf.store import results, runs, series
from migperf.store.models import Run
from migperf.store.series import SeriesHead
from migperf.store.states import RunState

_WHOLE = 1e-6
"""As close to a whole number, relative, as arithmetic with floats leaves one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRun:
    """A run that succeeded. ``timings`` are the steps that began in its measured window: times ns, durations ms.

    ``clock`` has the readings of ``clock_sm`` (MHz) around that window, in the same clock; where there are none,
    ``clock_absent`` says why. ``samples_per_step`` and ``sample_unit`` are None where the result does not tell them.
    """

    id: str
    fingerprint: str
    benchmark: Mapping[str, Any]
    environment: Mapping[str, Any]
    partition: Partition
    node: str
    metric: str
    timings: Chunk
    samples_per_step: int | None
    sample_unit: str | None
    clock: Series | None
    clock_absent: str | None
    taints: tuple[str, ...] = ()
    """The rules of hygiene that it broke."""


def read_runs(session: Session, field: str, run_ids: Sequence[str]) -> tuple[MeasuredRun, ...]:
    """Return the runs of one side of a comparison, which ``field`` names.

    Raises NotFoundError for an unknown run, and IncomparableError for one that has measured nothing.
    """
    return tuple(_read_run(session, field, runs.get(session, run_id)) for run_id in run_ids)


def _read_run(session: Session, field: str, run: Run) -> MeasuredRun:
    window, row = _window(field, run), run.partition_row
    heads = {head.metric.name: head for head in series.list_heads(session, run.id)}
    metric = timing_metric(Scenario(run.scenario)).name
    timings = _timings(session, heads.get(metric), window)
    if row is None or not len(timings):
        raise IncomparableError(field, run.id, f"run {run.id} has no {metric} in its measured window; measure it again")
    clock = _clock(session, heads.get(CLOCK_SM.name), window)
    throughput = _throughput(results.read_figures(session, run.id))
    return MeasuredRun(
        id=run.id,
        fingerprint=run.fingerprint,
        benchmark=run.benchmark,
        environment=run.environment or {},
        partition=Partition.model_validate(row.description),
        node=row.node,
        metric=metric,
        timings=timings,
        samples_per_step=None if throughput is None else samples_per_step(throughput, window),
        sample_unit=None if throughput is None else throughput.unit.removesuffix("/s"),
        clock=clock if isinstance(clock, Series) else None,
        clock_absent=None if isinstance(clock, Series) else f"run {run.id}: {clock}",
        taints=tuple(taint["rule"] for taint in run.taints or ()),
    )


def samples_per_step(throughput: ResultFigure, window: Window) -> int | None:
    """Return of how many samples a step was, from the throughput of a window (samples a second) and its steps.

    None where they do not give a whole number.
    """
    if throughput.value is None or not throughput.samples:
        return None
    found = throughput.value * (window.length_ns / NS_PER_S) / throughput.samples
    return round(found) if abs(found - round(found)) < _WHOLE * found else None


def _window(field: str, run: Run) -> Window:
    if run.state is not RunState.SUCCEEDED:
        remedy = "choose one that has succeeded" if run.state.is_final else "wait for its end (`migperf runs watch`)"
        raise IncomparableError(
            field, run.id, f"run {run.id} is {run.state}, so it measured nothing to its end; {remedy}"
        )
    if run.window_start_ns is None or run.window_end_ns is None:
        raise IncomparableError(field, run.id, f"run {run.id} has no measured window; measure it again")
    return Window(run.window_start_ns, run.window_end_ns)


def _timings(session: Session, head: SeriesHead | None, window: Window) -> Chunk:
    return Chunk.joined(()) if head is None else series.read(session, head.id, window.start_ns, window.end_ns)


def _clock(session: Session, head: SeriesHead | None, window: Window) -> Series | str:
    """Return the readings of the clock in and around the window, or why there are none."""
    name = CLOCK_SM.name
    if head is None:
        return f"it has no series {name}, which is read of GPUs alone"
    if head.thinned_from is not None:
        return f"its series {name} has been thinned, so that its readings are too far apart"
    span = (window.start_ns - REACH_NS, window.end_ns + REACH_NS)
    chunk = series.read(session, head.id, *span)
    if not len(chunk):
        return f"no reading of {name} in its measured window" + (f" ({head.absence.reason})" if head.absence else "")
    return Series(metric=head.metric, chunk=chunk, gaps=series.gaps(session, head.id, *span))


def _throughput(figures: Sequence[ResultFigure]) -> ResultFigure | None:
    return next((figure for figure in figures if figure.name == "throughput"), None)
