"""Checking for regressions: against the real API, with a worker of known speed."""

import signal
import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from migperf.analysis.terms import StatisticName
from migperf.client import Check, CheckedBenchmark, Checker, CheckPlan, CheckTask, Client, Outcome, RunView
from migperf.statistics.samples import Samples
from migperf.store import runs
from migperf.store.database import Database
from migperf.store.models import Run
from migperf.store.states import RunState
from tests.api import steps
from tests.client.worker import Steps, by_step_ms, make_run, registered, worker

pytestmark = pytest.mark.timeout(60)
REQUEST: dict[str, Any] = {"workload": "test-step", "scenario": "single_stream", "parameters": {"step_ms": 5.0}}


class Told:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.tasks: tuple[CheckTask, ...] = ()
        self.runs: list[tuple[Any, int, str]] = []

    def planned(self, tasks: tuple[CheckTask, ...]) -> None:
        self.tasks = tasks

    def began(self, task: CheckTask, repeat: int, run: RunView) -> None:
        self.runs.append((task.benchmark.parameters["step_ms"], repeat, run.id))


def measured_before(client: Client, database: Database, count: int = 3, **more: Any) -> list[str]:
    """Runs on CPU-1 that have ended, with the label branch=main."""
    registered(database)
    request = {**REQUEST, "labels": {"branch": "main"}, **more}
    made = [client.submit(request).id for _ in range(count)]
    pace = by_step_ms(seed=7)
    assert all(make_run(database, run_id, pace) for run_id in made)
    return made


def slowed(factor: float, count: int = 400) -> Steps:
    """Steps that take so many times as long as they should."""
    pace = by_step_ms()

    def taken(run: Run) -> Samples:
        value = pace(run)
        assert isinstance(value, np.ndarray)
        return np.resize(value, count) * factor

    return taken


def one_after_another(*factors: float) -> Steps:
    """The first run is slowed by the first factor, the next by the next."""
    each = iter(factors)

    def taken(run: Run) -> Any:
        return slowed(next(each))(run)

    return taken


def checked(
    client: Client, database: Database, taken: Steps | None = None, told: Told | None = None, **plan: Any
) -> Check:
    given = {"reference": "label:branch=main", "margin": 0.02, "timeout_s": 30.0, "repeats": 2, **plan}
    with worker(database, taken or slowed(1.0)):
        return Checker(client, CheckPlan(**given), told).run()


def only(check: Check) -> CheckedBenchmark:
    (found,) = check.benchmarks
    return found


@pytest.mark.parametrize(
    ("factor", "outcome"), [(1.0, Outcome.PASSED), (0.8, Outcome.PASSED), (1.1, Outcome.REGRESSED)]
)
def test_what_has_become_slower_is_told_from_what_has_not(
    client: Client, database: Database, factor: float, outcome: Outcome
) -> None:
    before = measured_before(client, database)
    found = checked(client, database, slowed(factor))
    assert found.outcome is only(found).outcome is outcome
    assert only(found).baseline == tuple(reversed(before))
    assert len(only(found).candidate) == 2
    compared = only(found).findings[0].compared
    assert compared is not None
    assert compared.ratio == pytest.approx(factor, rel=0.01)


def test_the_new_runs_are_like_the_baseline_s_and_labelled(client: Client, database: Database) -> None:
    (before,) = measured_before(client, database, 1, priority=3, seed=7, taint_retry_limit=2, timeout_s=99)
    told = Told()
    found = checked(client, database, told=told, labels={"commit": "4f1"})
    of = client.run(before)
    made = list(client.runs(labels={"check": found.label}))
    assert {run.id for run in made} == {run_id for _, _, run_id in told.runs} == set(only(found).candidate)
    for run in made:
        assert run.labels == {"commit": "4f1", "check": found.label}, "not branch=main: it would be its own baseline"
        assert (run.fingerprint, run.benchmark.seed, run.priority) == (of.fingerprint, 7, 3)
        assert (run.taint_retry_limit, run.timeout_s) == (2, 99)
        assert not is_history_due(database, run.id), "a candidate's being slow is no regression of what is in use"
        where = {name: run.benchmark.where[name] for name in ("kind", "profile", "gpu_model")}
        assert where == {"kind": "cpu", "profile": None, "gpu_model": "a processor"}


def test_benchmarks_take_turns_one_run_at_a_time(client: Client, database: Database) -> None:
    measured_before(client, database)
    measured_before(client, database, parameters={"step_ms": 8.0})
    told = Told()
    found = checked(client, database, told=told)
    assert [(step_ms, repeat) for step_ms, repeat, _ in told.runs] == [(8.0, 1), (5.0, 1), (8.0, 2), (5.0, 2)]
    for earlier, later in pairwise(client.run(run_id) for _, _, run_id in told.runs):
        assert earlier.finished_at is not None
        assert earlier.finished_at <= later.created_at
    assert found.outcome is Outcome.PASSED


def test_one_regression_outweighs_what_passed_and_what_could_not_be_told(client: Client, database: Database) -> None:
    for step_ms in (5.0, 8.0, 9.0):
        measured_before(client, database, parameters={"step_ms": step_ms})

    def taken(run: Run) -> Any:
        step_ms = run.benchmark["parameters"]["step_ms"]
        return RunState.FAILED if step_ms == 9.0 else slowed({5.0: 1.0, 8.0: 1.2}[step_ms])(run)

    found = checked(client, database, taken)
    assert [(each.parameters["step_ms"], each.outcome) for each in found.benchmarks] == [
        (9.0, Outcome.COULD_NOT_TELL),
        (8.0, Outcome.REGRESSED),
        (5.0, Outcome.PASSED),
    ]
    assert found.outcome is Outcome.REGRESSED


@pytest.mark.parametrize("outcomes", [[], ["passed", "could_not_tell"], ["could_not_tell"]])
def test_nothing_passes_that_was_not_shown(outcomes: list[str]) -> None:
    assert Outcome.worst(map(Outcome, outcomes)) is Outcome.COULD_NOT_TELL


def test_without_enough_steps_for_p99_the_mean_stands_for_it(client: Client, database: Database) -> None:
    measured_before(client, database)
    found = only(checked(client, database))
    assert [finding.statistic for finding in found.findings] == [StatisticName.P50, StatisticName.MEAN]
    assert found.outcome is Outcome.PASSED
    assert any(remark.startswith("the mean stands for p99: p99 needs at least 459 steps") for remark in found.remarks)


def test_a_statistic_that_was_asked_for_has_no_stand_in(client: Client, database: Database) -> None:
    measured_before(client, database)
    found = only(checked(client, database, statistics=("p99", "mean")))
    assert [(f.statistic, f.outcome) for f in found.findings] == [
        (StatisticName.P99, Outcome.COULD_NOT_TELL),
        (StatisticName.MEAN, Outcome.PASSED),
    ]
    assert found.outcome is Outcome.COULD_NOT_TELL


def test_an_interval_too_wide_for_sameness_still_shows_that_nothing_is_slower(
    client: Client, database: Database
) -> None:
    """A gate asks for less than sameness: 3 % faster, give or take 4 %, is not slower by 2 %."""
    measured_before(client, database)
    uneven = one_after_another(0.93, 0.985, 0.96)
    found = only(checked(client, database, uneven, statistics=("mean",), margin=0.05, repeats=3))
    (finding,) = found.findings
    assert finding.compared is not None
    assert finding.compared.verdict == "undecided"
    assert finding.outcome is Outcome.PASSED
    assert finding.why.startswith("not slower by more than 5 %: the 95 % interval ends at ")


def test_an_interval_that_reaches_beyond_the_margin_decides_nothing(client: Client, database: Database) -> None:
    measured_before(client, database)
    found = only(checked(client, database, one_after_another(0.9, 1.1, 1.0), repeats=3))
    assert found.outcome is Outcome.COULD_NOT_TELL
    assert all("undecided" in finding.why for finding in found.findings)


@pytest.mark.parametrize(
    ("state", "outcome", "words"),
    [
        (RunState.DOES_NOT_FIT, Outcome.REGRESSED, "does not fit into memory, and the baseline's runs did: it broke"),
        (RunState.FAILED, Outcome.COULD_NOT_TELL, "ended as failed: it broke"),
        (RunState.TIMED_OUT, Outcome.COULD_NOT_TELL, "ended as timed_out: it broke"),
    ],
)
def test_a_run_that_does_not_succeed_ends_its_benchmark(
    client: Client, database: Database, state: RunState, outcome: Outcome, words: str
) -> None:
    measured_before(client, database)
    told = Told()
    found = checked(client, database, lambda _: state, told)
    assert found.outcome is outcome
    assert words in (only(found).why or "")
    assert len(told.runs) == 1, "another try would end in the same way"


def dirty(taken: Steps, *which: int) -> Callable[[Run], Any]:
    """Some of the runs, counted from 1, are tainted."""
    made = iter(range(1, 100))

    def steps_of(run: Run) -> Any:
        run.taints = [steps.TAINT.model_dump()] if next(made) in which else []
        return taken(run)

    return steps_of


def test_tainted_runs_are_left_out_and_named(client: Client, database: Database) -> None:
    measured_before(client, database)
    told = Told()
    found = only(checked(client, database, dirty(slowed(1.0), 2), told, repeats=3))
    spoiled = told.runs[1][2]
    assert found.left_out == {spoiled: ("busy_neighbours",)}
    assert set(found.candidate) == {run_id for _, _, run_id in told.runs} - {spoiled}
    assert found.outcome is Outcome.PASSED


def test_tainted_runs_alone_tell_nothing_unless_allowed(client: Client, database: Database) -> None:
    measured_before(client, database)
    found = only(checked(client, database, dirty(slowed(1.3), 1, 2)))
    assert (found.outcome, len(found.left_out)) == (Outcome.COULD_NOT_TELL, 2)
    assert "every run is tainted (busy_neighbours)" in (found.why or "")
    found = only(checked(client, database, dirty(slowed(1.3), 1, 2), allow_tainted=True))
    assert (found.outcome, len(found.tainted), found.left_out) == (Outcome.REGRESSED, 2, {})


def test_throughput_is_told_and_not_judged(client: Client, database: Database) -> None:
    measured_before(client, database)
    (figure,) = only(checked(client, database)).figures
    assert (figure.name, figure.unit, len(figure.baseline), len(figure.candidate)) == ("throughput", "sample/s", 3, 2)
    assert figure.candidate[0] == pytest.approx(200, rel=0.05)


def test_a_document_may_have_its_runs_in_their_history(client: Client, database: Database) -> None:
    measured_before(client, database)
    for asked in (True, False):
        told = Told()
        checked(client, database, told=told, documents=({**REQUEST, "in_history": asked},), reference="last")
        assert is_history_due(database, told.runs[0][2]) is asked


def is_history_due(database: Database, run_id: str) -> bool:
    with database.read() as session:
        return runs.get(session, run_id).history_due


def test_given_benchmarks_are_checked_and_one_without_a_baseline_cannot_be(client: Client, database: Database) -> None:
    measured_before(client, database)
    new = {**REQUEST, "parameters": {"step_ms": 1.0}}
    told = Told()
    mine = {**REQUEST, "labels": {"team": "a"}, "where": {"node": "node-1"}}
    found = checked(client, database, told=told, documents=(mine, new), reference="last")
    assert [each.outcome for each in found.benchmarks] == [Outcome.PASSED, Outcome.COULD_NOT_TELL]
    assert "no run can be the baseline 'last'" in (found.benchmarks[1].why or "")
    assert {step_ms for step_ms, _, _ in told.runs} == {5.0}, "without a baseline nothing is measured"
    run = client.run(told.runs[0][2])
    assert run.labels == {"team": "a", "check": found.label}
    assert (run.benchmark.where["node"], run.benchmark.where["kind"]) == ("node-1", "cpu")


def test_a_search_is_not_run(client: Client, database: Database) -> None:
    (before,) = measured_before(client, database, 1)
    with database.write() as session:
        run = session.get_one(Run, before)
        run.benchmark = {**run.benchmark, "search": {"kind": "max_rate", "percentile": 99, "limit_ms": 50}}
    told = Told()
    found = checked(client, database, told=told)
    assert (only(found).outcome, told.runs) == (Outcome.COULD_NOT_TELL, [])
    assert "it searches (max_rate)" in (only(found).why or "")


def test_what_stands_for_nothing_is_a_problem_and_no_regression(client: Client, database: Database) -> None:
    found = checked(client, database, reference="label:branch=gone")
    assert (found.outcome, found.benchmarks) == (Outcome.COULD_NOT_TELL, ())
    assert "no run can be the baseline" in (found.problem or "")


def test_time_that_is_over_cancels_the_run_under_way(client: Client, database: Database) -> None:
    measured_before(client, database)
    measured_before(client, database, parameters={"step_ms": 8.0})
    told = Told()
    found = checked(client, database, lambda _: None, told, timeout_s=0.5)
    assert found.outcome is Outcome.COULD_NOT_TELL
    assert [each.why for each in found.benchmarks] == [
        "0 of 2 runs had ended when the 0.5 s for all were over; allow more, or ask for fewer"
    ] * 2
    ((_, _, run_id),) = told.runs
    assert client.run(run_id).cancel_requested_at is not None


def test_ctrl_c_cancels_the_run_under_way_and_keeps_what_is_known(client: Client, database: Database) -> None:
    measured_before(client, database)
    measured_before(client, database, parameters={"step_ms": 8.0})

    def taken(run: Run) -> Any:
        if run.benchmark["parameters"]["step_ms"] == 8.0:
            return RunState.DOES_NOT_FIT
        threading.Timer(0.2, lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)).start()
        return None

    told = Told()
    found = checked(client, database, taken, told)
    assert (found.interrupted, found.outcome) == (True, Outcome.REGRESSED)
    assert [each.outcome for each in found.benchmarks] == [Outcome.REGRESSED, Outcome.COULD_NOT_TELL]
    assert client.run(told.runs[-1][2]).cancel_requested_at is not None


def test_a_benchmark_that_the_service_reads_otherwise_by_now_is_not_compared(
    client: Client, database: Database
) -> None:
    """Measured by an earlier version, whose defaults are no longer written out in the same way."""
    before = measured_before(client, database)
    with database.write() as session:
        for run_id in before:
            session.get_one(Run, run_id).fingerprint = "e" * 64
    found = only(checked(client, database))
    assert (found.outcome, found.candidate) == (Outcome.COULD_NOT_TELL, ())
    assert "was measured by another version" in (found.why or "")
    assert all(run.state.is_final or run.cancel_requested_at for run in client.runs())


def test_a_service_that_goes_away_is_a_problem_and_no_regression(client: Client, database: Database) -> None:
    measured_before(client, database)

    class Leaving(Told):
        def began(self, task: CheckTask, repeat: int, run: RunView) -> None:
            client._transport.url = "http://127.0.0.1:1"
            client._transport._http.base_url = "http://127.0.0.1:1"
            client._patience_s = 0.1

    found = checked(client, database, told=Leaving())
    assert found.outcome is Outcome.COULD_NOT_TELL
    assert "no migperf service answers" in (found.problem or "")
    assert "the check ended early" in (only(found).why or "")
