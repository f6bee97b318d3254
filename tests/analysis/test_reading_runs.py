"""What is read of stored runs for a comparison: the window, the clock around it, and why something is not there."""

import numpy as np
import pytest
from sqlalchemy import update

from migperf.analysis.comparison import compare_runs
from migperf.analysis.errors import IncomparableError
from migperf.analysis.measured import MeasuredRun, read_runs, samples_per_step
from migperf.analysis.question import Question
from migperf.errors import NotFoundError
from migperf.measure.figures import ResultFigure
from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.metric import Scope
from migperf.metrics.series import Chunk, Gap
from migperf.metrics.summary import Window
from migperf.statistics.verdict import Verdict
from migperf.store.database import Database
from migperf.store.models import Run, SeriesRow
from migperf.store.states import RunState
from tests.analysis.made_runs import CLOCK, NS_PER_MS, NS_PER_S, noisy
from tests.analysis.stored_runs import stored
from tests.api import steps


def read(database: Database, *run_ids: str) -> tuple[MeasuredRun, ...]:
    with database.read() as session:
        return read_runs(session, "baseline", run_ids)


def test_only_the_steps_of_the_measured_window_are_read(database: Database) -> None:
    """Warm-up steps take twice as long; they end when the window begins."""
    run_id = stored(database, noisy(5.0, 1), warmup_ms=np.full(50, 10.0))
    (run,) = read(database, run_id)
    assert len(run.timings) == 500
    assert run.timings.value.max() < 6
    assert (run.metric, run.samples_per_step, run.sample_unit) == ("latency", 1, "sample")
    assert (run.node, run.partition.kind, run.environment["torch"]) == (f"node-{run_id[-8:]}", "cpu", "2.13.0")


def test_stored_runs_are_compared(database: Database) -> None:
    baseline, candidate = ([stored(database, noisy(ms, ms * 10 + n)) for n in range(3)] for ms in (5, 6))
    (found,) = compare_runs(read(database, *baseline), [read(database, *candidate)], Question())
    assert found.in_time is not None
    assert found.in_time.comparison.verdict is Verdict.SLOWER
    assert found.in_time.comparison.ratio == pytest.approx(1.2, rel=0.01)
    assert found.in_cycles_absent == f"run {baseline[0]}: it has no series clock_sm, which is read of GPUs alone"


def test_samples_of_a_step_come_from_throughput(database: Database) -> None:
    (run,) = read(database, stored(database, noisy(5.0, 1), samples=16))
    assert run.samples_per_step == 16


@pytest.mark.parametrize(("value", "expected"), [(12.0, 6), (12.000000001, 6), (12.5, None), (None, None)])
def test_a_throughput_that_is_no_whole_number_of_samples_a_step_tells_none(
    value: float | None, expected: int | None
) -> None:
    absent = None if value is not None else "no step ended while measuring"
    figure = ResultFigure(name="throughput", unit="row/s", scope=Scope.PROCESS, value=value, samples=10, absent=absent)
    assert samples_per_step(figure, Window(0, 5 * NS_PER_S)) == expected


def test_the_clock_is_read_around_the_window_with_its_gaps(database: Database) -> None:
    run_id = stored(database, noisy(5.0, 1), warmup_ms=np.full(300, 10.0))
    gap = Gap(4 * NS_PER_S, 4 * NS_PER_S + 200 * NS_PER_MS, Absence(AbsenceState.STALLED, "late"))
    steps.watched(database, run_id, CLOCK, {time_s / 10: 1500.0 for time_s in range(70)}, gap)
    (run,) = read(database, run_id)
    assert run.clock is not None
    assert (run.clock.chunk.time_ns[0], run.clock.gaps) == (2 * NS_PER_S, (gap,))
    assert run.clock_absent is None


def test_why_there_is_no_clock_is_said(database: Database) -> None:
    never, thinned = (stored(database, noisy(5.0, n)) for n in range(2))
    steps.watched(database, never, CLOCK, {}, Gap(0, None, Absence(AbsenceState.NOT_SUPPORTED, "no such clock")))
    steps.watched(database, thinned, CLOCK, {0.0: 1500.0, 1.0: 1500.0})
    with database.write() as session:
        session.execute(update(SeriesRow).where(SeriesRow.name == "clock_sm").values(thinned_from=900))
    reasons = [run.clock_absent for run in read(database, never)]
    assert reasons == [f"run {never}: its series clock_sm has been thinned, so that its readings are too far apart"]
    with database.write() as session:
        session.execute(update(SeriesRow).where(SeriesRow.run_id == never).values(thinned_from=None))
    assert [run.clock_absent for run in read(database, never)] == [
        f"run {never}: no reading of clock_sm in its measured window (no such clock)"
    ]
    assert "thinned" in str(read(database, thinned)[0].clock_absent)


@pytest.mark.parametrize(
    ("state", "words"), [(RunState.RUNNING, "wait for its end"), (RunState.FAILED, "choose one that has succeeded")]
)
def test_a_run_that_did_not_succeed_is_refused_with_the_remedy(database: Database, state: RunState, words: str) -> None:
    run_id = steps.submitted(database)
    token = steps.begun(database, run_id)
    if state is not RunState.RUNNING:
        steps.finished(database, token, state, "it broke")
    with pytest.raises(IncomparableError, match=f"run {run_id} is {state}.*{words}") as caught:
        read(database, run_id)
    assert (caught.value.field, caught.value.given) == ("baseline", run_id)


def test_a_run_without_steps_or_window_is_refused(database: Database) -> None:
    run_id = steps.submitted(database)
    steps.finished(database, steps.begun(database, run_id))
    with pytest.raises(IncomparableError, match="no measured window"):
        read(database, run_id)
    with database.write() as session:
        session.execute(update(Run).values(window_start_ns=0, window_end_ns=NS_PER_S))
    with pytest.raises(IncomparableError, match="no latency in its measured window"):
        read(database, run_id)


def test_an_unknown_run_is_not_found(database: Database) -> None:
    with pytest.raises(NotFoundError, match="run with id 'nobody'"):
        read(database, "nobody")


def test_a_chunk_of_the_clock_is_of_the_same_time_as_the_steps(database: Database) -> None:
    """A clock that doubles in the middle of the window is seen by the steps of its second half."""
    run_id = stored(database, np.full(200, 10.0))
    series = {(n - 10) / 10: 1000.0 if n < 20 else 2000.0 for n in range(10, 50)}
    steps.watched(database, run_id, CLOCK, series)
    (run,) = read(database, run_id)
    assert run.clock is not None
    at_half: Chunk = run.clock.chunk.between(NS_PER_S, NS_PER_S)
    assert at_half.value.tolist() == [2000.0]
    assert run.timings.time_ns[100] == NS_PER_S
