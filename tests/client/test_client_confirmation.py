"""Buying runs until a comparison is decided: against the real API, with a worker of known speed."""

import signal
import threading
from collections import Counter
from itertools import islice
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from migperf.client import (
    CannotConfirmError,
    Client,
    ComparisonView,
    Confirmation,
    ConfirmationPlan,
    Confirmer,
    EndedBy,
)
from migperf.client.confirmation import first_sides
from migperf.client.models import RunView
from migperf.statistics.verdict import Verdict
from migperf.store.database import Database
from migperf.store.models import Run
from migperf.store.states import RunState
from tests.client.worker import Steps, by_step_ms, make_run, registered, worker

pytestmark = pytest.mark.timeout(60)


class Told:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.runs: list[tuple[int, str, str]] = []
        self.looks: list[int] = []

    def began(self, pair: int, side: str, run: RunView) -> None:
        self.runs.append((pair, side, run.id))

    def looked(self, pairs: int, comparison: ComparisonView) -> None:
        self.looks.append(pairs)


def two_runs(client: Client, database: Database, baseline_ms: float, candidate_ms: float, **more: Any) -> list[RunView]:
    """Two runs that have ended on CPU-1."""
    registered(database)
    made = []
    for step_ms in (baseline_ms, candidate_ms):
        request = {"workload": "test-step", "scenario": "single_stream", "parameters": {"step_ms": step_ms}, **more}
        run = client.submit(request)
        make_run(database, run.id, by_step_ms())
        made.append(client.run(run.id))
    return made


def confirmed(
    client: Client, database: Database, runs: list[RunView], steps: Steps | None = None, **plan: Any
) -> tuple[Confirmation, Told]:
    told = Told()
    with worker(database, steps or by_step_ms()):
        found = Confirmer(client, *runs, ConfirmationPlan(**{"budget_s": 30, **plan}), told).run()
    return found, told


def test_a_slower_benchmark_is_found_by_turns_on_one_partition(client: Client, database: Database) -> None:
    runs = two_runs(client, database, 5.0, 5.5, labels={"commit": "4f1"}, priority=3, seed=7)
    found, told = confirmed(client, database, runs)
    assert (found.ended_by, found.verdict) == (EndedBy.DECIDED, Verdict.SLOWER)
    assert found.looks[-1] == len(found.pairs) == told.looks[-1]
    assert found.comparison is not None
    assert found.comparison.paired
    assert found.comparison.level == found.level_each_look > 0.99
    for number, pair in enumerate(found.pairs, 1):
        for side, run_id, of in (("baseline", pair.baseline, runs[0]), ("candidate", pair.candidate, runs[1])):
            run = client.run(run_id)
            assert run.labels == {
                "confirm": found.label,
                "confirm-side": side,
                "confirm-pair": str(number),
                "confirm-of": of.id,
            }
            assert (run.fingerprint, run.benchmark.seed, run.priority) == (of.fingerprint, 7, 3)
            assert run.benchmark.where["partition"] == found.partition == "CPU-1"
    assert {run.id for run in client.runs(labels={"confirm": found.label})} == {run_id for _, _, run_id in told.runs}
    with database.read() as session:
        in_histories = set(session.scalars(select(Run.id).where(Run.history_due)))
    assert in_histories == {run.id for run in runs}


def test_a_benchmark_beside_itself_is_the_same(client: Client, database: Database) -> None:
    found, _ = confirmed(client, database, two_runs(client, database, 5.0, 5.0))
    assert (found.ended_by, found.verdict) == (EndedBy.DECIDED, Verdict.SAME)


def test_only_the_runs_that_it_makes_count(client: Client, database: Database) -> None:
    """The two runs given were ten times as long as what the benchmarks take now."""
    registered(database)
    runs = []
    for step_ms, taken in ((5.0, by_step_ms()), (5.001, lambda run: by_step_ms()(run) * 10)):
        parameters = {"step_ms": step_ms}
        run = client.submit({"workload": "test-step", "scenario": "single_stream", "parameters": parameters})
        make_run(database, run.id, taken)
        runs.append(client.run(run.id))
    found, _ = confirmed(client, database, runs)
    assert found.verdict is Verdict.SAME
    assert not {run.id for run in runs} & {run_id for pair in found.pairs for run_id in (pair.baseline, pair.candidate)}


def test_each_side_is_first_as_often_and_which_is_chance() -> None:
    def order(seed: int) -> list[str]:
        return list(islice(first_sides(seed), 20))

    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(20)}) == 20
    pairs = [order(seed)[n : n + 2] for seed in range(20) for n in range(0, 20, 2)]
    assert all(set(two) == {"baseline", "candidate"} for two in pairs)
    assert 60 < sum(two[0] == "baseline" for two in pairs) < 140


def test_runs_are_made_in_the_order_of_the_seed(client: Client, database: Database) -> None:
    runs = two_runs(client, database, 5.0, 5.05)
    found, told = confirmed(client, database, runs, by_step_ms(between=0.05), seed=5, max_pairs=4)
    firsts = list(islice(first_sides(5), 4))
    assert [pair.first for pair in found.pairs] == firsts
    assert [side for _, side, _ in told.runs[::2]] == firsts
    assert [pair for pair, _, _ in told.runs] == [1, 1, 2, 2, 3, 3, 4, 4]


def test_it_looks_when_a_quarter_has_come_and_keeps_the_level(client: Client, database: Database) -> None:
    found, told = confirmed(
        client, database, two_runs(client, database, 5.0, 5.05), by_step_ms(between=0.05), max_pairs=7
    )
    assert (found.looks, tuple(told.looks), found.looks_planned) == ((3, 4, 5, 7), (3, 4, 5, 7), 4)
    assert found.level_each_look == pytest.approx(1 - 0.05 / 4)
    assert found.why == "7 pairs did not decide it; raise max_pairs"
    assert found.verdict is Verdict.UNDECIDED


def test_a_run_that_fails_ends_it_with_the_reason_and_what_there_was(client: Client, database: Database) -> None:
    runs, count, steps = two_runs(client, database, 5.0, 5.5), Counter(), by_step_ms()

    def failing(run: Run) -> Any:
        count["runs"] += 1
        return RunState.FAILED if count["runs"] == 6 else steps(run)

    found, told = confirmed(client, database, runs, failing)
    assert found.ended_by is EndedBy.RUN_ENDED
    assert found.why == f"run {told.runs[-1][2]} ({told.runs[-1][1]}) ended as failed: it broke"
    assert (len(found.pairs), found.looks) == (2, (2,)), "what no look has seen is looked at, at last"
    assert found.comparison is not None


def test_a_statistic_that_the_steps_do_not_support_ends_it_at_the_first_look(
    client: Client, database: Database
) -> None:
    found, _ = confirmed(client, database, two_runs(client, database, 5.0, 5.5), statistic="p99")
    assert (found.ended_by, found.verdict, len(found.pairs)) == (EndedBy.UNSUPPORTED, None, 3)
    assert "p99 needs at least 459 steps in every run" in found.why


def test_the_budget_ends_it_and_cancels_the_run_under_way(client: Client, database: Database) -> None:
    runs = two_runs(client, database, 5.0, 5.5)
    found, told = confirmed(client, database, runs, lambda _: None, budget_s=0.5)
    assert (found.ended_by, found.pairs, found.comparison) == (EndedBy.BUDGET, (), None)
    assert found.verdict is None
    assert found.took_s < 10
    assert client.run(told.runs[0][2]).cancel_requested_at is not None


def test_no_pair_is_begun_that_would_not_end_within_the_budget(client: Client, database: Database) -> None:
    """By a clock on which the first pair takes 40 s of 100 s, and the second 40 s again."""
    runs, now_s = two_runs(client, database, 5.0, 5.0), [0.0]

    class Slow(Told):
        def began(self, pair: int, side: str, run: RunView) -> None:
            super().began(pair, side, run)
            now_s[0] += 20.0

    told = Slow()
    with worker(database, by_step_ms()):
        confirmer = Confirmer(client, *runs, ConfirmationPlan(budget_s=100), told, clock_s=lambda: now_s[0])
        found = confirmer.run()
    assert (found.ended_by, len(found.pairs), found.took_s) == (EndedBy.BUDGET, 2, 80.0)
    assert found.why == "the budget of 100 s does not reach for another pair"


def test_ctrl_c_cancels_the_run_under_way_and_tells_what_there_was(client: Client, database: Database) -> None:
    runs, count, steps = two_runs(client, database, 5.0, 5.5), Counter(), by_step_ms()

    def hanging(run: Run) -> Any:
        count["runs"] += 1
        if count["runs"] < 6:
            return steps(run)
        threading.Timer(0.2, lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)).start()
        return None

    found, told = confirmed(client, database, runs, hanging)
    assert (found.ended_by, len(found.pairs), found.looks) == (EndedBy.INTERRUPTED, 2, (2,))
    assert client.run(told.runs[-1][2]).cancel_requested_at is not None


def test_a_benchmark_that_the_service_reads_otherwise_by_now_is_not_run_under_its_name(
    client: Client, database: Database
) -> None:
    first, second = two_runs(client, database, 5.0, 5.5)
    other = {"fingerprint": "e" * 64}
    for runs in ([first.model_copy(update=other), second], [first, second.model_copy(update=other)]):
        with pytest.raises(CannotConfirmError, match="measured by another version"):
            confirmed(client, database, runs)
    assert all(run.state.is_final or run.cancel_requested_at for run in client.runs())


def elsewhere(run: RunView, **changes: Any) -> RunView:
    """The run as if it had been on another partition."""
    assert run.partition is not None
    return run.model_copy(update={"partition": run.partition.model_copy(update=changes)})


def where(run: RunView, **conditions: Any) -> RunView:
    """The run as if its benchmark had these conditions."""
    benchmark = run.benchmark.model_copy(update={"where": run.benchmark.where | conditions})
    return run.model_copy(update={"benchmark": benchmark})


def test_the_partition_is_one_that_both_may_run_on(client: Client, database: Database) -> None:
    first, second = two_runs(client, database, 5.0, 5.5)
    gone = elsewhere(first, uuid="CPU-0")
    assert Confirmer(client, gone, second).partition.uuid == "CPU-1"
    assert Confirmer(client, where(first, kind="cpu"), where(second, partition="CPU-1")).partition.uuid == "CPU-1"
    for refused in (where(second, kind="gpu"), where(second, partition="CPU-0"), where(second, node="node-7")):
        with pytest.raises(CannotConfirmError, match="CPU-1 would have to be there"):
            Confirmer(client, first, refused)
    with pytest.raises(CannotConfirmError, match="CPU-0 would have to be there"):
        Confirmer(client, gone, elsewhere(second, uuid="CPU-0"))


def test_what_cannot_be_made_again_by_turns_is_refused(client: Client, database: Database) -> None:
    first, second = two_runs(client, database, 5.0, 5.0)
    with pytest.raises(CannotConfirmError, match="both runs are of one benchmark, on different partitions"):
        Confirmer(client, first, elsewhere(second, model="another"))
    cut = second.benchmark.model_copy(update={"layout": "3g.40gb"})
    with pytest.raises(CannotConfirmError, match="has a GPU cut for itself"):
        Confirmer(client, first, second.model_copy(update={"benchmark": cut}))
    with pytest.raises(CannotConfirmError, match="has not been on any partition"):
        Confirmer(client, first, second.model_copy(update={"partition": None}))


def test_one_benchmark_in_two_software_environments_is_made_by_turns_each_in_its_own(
    client: Client, database: Database
) -> None:
    """As after an update of the framework that somebody suspects."""
    registered(database, environments=("newer",))
    steps, made = slower_in("newer"), []
    for environment in (None, "newer"):
        run = client.submit({"workload": "test-step", "scenario": "single_stream", "environment": environment})
        make_run(database, run.id, steps)
        made.append(client.run(run.id))
    assert made[0].fingerprint == made[1].fingerprint
    found, _ = confirmed(client, database, made, steps)
    assert (found.ended_by, found.verdict) == (EndedBy.DECIDED, Verdict.SLOWER)
    for pair in found.pairs:
        assert client.run(pair.baseline).benchmark.environment is None
        assert client.run(pair.candidate).benchmark.environment == "newer"
    registered(database)
    with pytest.raises(CannotConfirmError, match="offer newer"):
        Confirmer(client, *made)


def slower_in(environment: str) -> Steps:
    """Steps of 5 ms, and of a tenth more in that software environment."""
    generator = np.random.default_rng(0)

    def steps(run: Run) -> np.ndarray:
        mean_ms = 5.5 if run.benchmark["environment"] == environment else 5.0
        return np.asarray(mean_ms * (1 + 0.02 * generator.standard_normal(400)))

    return steps
