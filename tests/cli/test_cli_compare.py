"""`migperf compare`: what it prints, what it says by its exit status, and that it buys runs until it is decided."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from migperf.client import Client
from migperf.store import runs
from migperf.store.database import Database
from migperf.store.models import Run
from migperf.store.states import RunState
from tests.analysis.made_runs import CLOCK, noisy
from tests.analysis.stored_runs import stored
from tests.api import steps
from tests.cli.conftest import Cli
from tests.client.worker import by_step_ms, make_run, registered, worker

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(autouse=True)
def service(service_url: str, environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command finds the service by the environment."""
    monkeypatch.setenv("MIGPERF_URL", service_url)


def side(database: Database, mean_ms: float, count: int = 4, **more: object) -> str:
    """Runs of one benchmark, joined by commas."""
    return ",".join(stored(database, noisy(mean_ms, 100 * round(mean_ms) + n), **more) for n in range(count))


@pytest.mark.parametrize(
    ("candidate_ms", "status", "word"), [(5.001, 0, "the same within 1 %"), (4.0, 0, "faster"), (6.0, 4, "slower")]
)
def test_the_verdict_comes_first_and_is_the_exit_status(
    cli: Cli, database: Database, candidate_ms: float, status: int, word: str
) -> None:
    baseline, candidate = side(database, 5.0), side(database, candidate_ms)
    said = cli("compare", baseline, candidate)
    assert said.status == status, said.err
    assert said.out.startswith(f"{word}: the mean of latency per step differs by ")
    assert set((baseline + "," + candidate).split(",")) <= set(said.out.split())
    assert "no comparison in clock cycles" in said.out
    assert max(map(len, said.out.splitlines())) <= 80


def test_one_run_of_each_is_undecided_with_what_would_decide_it(cli: Cli, database: Database) -> None:
    said = cli("compare", side(database, 5.0, 1), side(database, 5.1, 1))
    assert said.status == 5
    text = " ".join(said.out.split())
    assert text.startswith("undecided")
    assert "runs of each would probably show" in text
    assert "a spread of 2 % between runs is assumed" in text


def test_of_several_candidates_the_worst_news_is_the_exit_status(cli: Cli, database: Database) -> None:
    baseline, same, slower = (side(database, ms) for ms in (5.0, 5.001, 6.0))
    few = stored(database, noisy(5.1, 1, 30, noise=0.2))
    assert cli("compare", baseline, few, same).status == 5
    said = cli("compare", baseline, few, slower, same)
    assert said.status == 4
    assert [line.partition(":")[0] for line in said.out.splitlines() if "differs by" in line] == [
        "undecided",
        "slower",
        "the same within 1 %",
    ]


def test_change_and_interval_are_in_per_cent_with_the_digits_that_can_be_defended(cli: Cli, database: Database) -> None:
    said = cli("compare", side(database, 5.0), side(database, 6.0))
    (row,) = [line for line in said.out.splitlines() if line.startswith("time")]
    _, _, _, unit, change, percent, low, to, high, _, verdict = row.split()
    assert (unit, percent, to, verdict) == ("ms", "%", "to", "slower")
    assert float(low) < float(change) < float(high)
    assert float(change) == pytest.approx(20, abs=1)
    assert change.startswith("+")
    assert len(change.partition(".")[2]) <= 2


def test_what_differs_is_told_loudly_by_what_it_is(cli: Cli, database: Database) -> None:
    said = cli("compare", side(database, 5.0), side(database, 16.0, samples=4))
    assert "per sample" in said.out
    assert "Not the same work" in said.out
    assert "Not on the same partition" in said.out
    assert "Not in the same environment" not in said.out
    (row,) = [line for line in said.out.splitlines() if line.startswith("parameters.samples")]
    assert row.split() == ["parameters.samples", "1", "4"]


def test_tainted_runs_are_named_with_the_rules_that_they_broke(cli: Cli, database: Database) -> None:
    clean, tainted = side(database, 5.0), side(database, 5.001, count=1)
    with database.write() as session:
        broken = {"rule": "busy_neighbours", "seen": "s", "threshold": "t", "remedy": "r"}
        runs.lock(session, tainted).taints = [broken]
    said = cli("compare", clean, tainted)
    assert "Tainted" in said.out
    assert f"{tainted}  busy_neighbours" in said.out
    assert "Tainted" not in cli("compare", clean, clean).out


def test_slower_is_told_from_clocked_down(cli: Cli, database: Database) -> None:
    baseline, candidate = stored(database, noisy(5.0, 1)), stored(database, noisy(10.0, 1))
    for run_id, mhz in ((baseline, 2000.0), (candidate, 1000.0)):
        steps.watched(database, run_id, CLOCK, {n / 10: mhz for n in range(-1, 60)})
    said = cli("compare", baseline, candidate, "--margin", "0.1")
    assert said.status == 4
    text = " ".join(said.out.split())
    assert (
        "slower because it was clocked down: it takes as many cycles (SM clock 2000 MHz and 1000 MHz, -50.0 %)" in text
    )
    (row,) = [line for line in said.out.splitlines() if line.startswith("cycles")]
    assert row.split()[3] == "Mcycle"
    assert row.split()[-1] == "same"


def test_steps_left_out_of_the_cycles_are_counted(cli: Cli, database: Database) -> None:
    runs = [stored(database, noisy(5.0, n)) for n in range(2)]
    for run_id in runs:
        steps.watched(database, run_id, CLOCK, {0.05 + n / 10: 2000.0 for n in range(60)})
    left_out = re.search(r"in cycles without (\d+) steps", cli("compare", *runs).out)
    assert left_out is not None
    assert 18 <= int(left_out[1]) <= 22, "ten steps of each began before the first reading"


def test_what_was_not_recorded_is_called_so(cli: Cli, database: Database) -> None:
    runs = [stored(database, noisy(5.0, n)) for n in range(2)]
    with database.write() as session:
        session.get_one(Run, runs[1]).environment = {"torch": "2.13.0", "torch_threads": [1, 2]}
        session.get_one(Run, runs[0]).environment = {"torch_threads": 2}
    rows = [line.split() for line in cli("compare", *runs).out.splitlines()]
    assert ["torch", "not", "recorded", "2.13.0"] in rows
    assert ["torch_threads", "2", "[1,", "2]"] in rows


def test_a_percentile_that_is_not_supported_is_said_and_undecided(cli: Cli, database: Database) -> None:
    said = cli("compare", side(database, 5.0), stored(database, noisy(5.0, 1, 100)), "--statistic", "p99")
    assert said.status == 5
    assert said.out.startswith("not compared: p99 needs at least 459 steps")


def test_json_is_what_the_service_says(cli: Cli, database: Database, service_url: str) -> None:
    runs = side(database, 5.0), side(database, 6.0)
    document = cli("compare", *runs, "--json", "--level", "0.9").document
    with Client(service_url) as client:
        assert document == client.compare(*runs, level=0.9).model_dump(mode="json")


def test_simulated_runs_are_marked(cli: Cli, database: Database) -> None:
    assert "simulated" in cli("compare", *(stored(database, noisy(5.0, n), simulated=True) for n in range(2))).out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("x", "y", "--statistic", "p42"), "p42"),
        (("x", "y", "--margin", "0"), "--margin"),
        (("x", "y", "--budget-s", "5"), "--budget-s"),
        (("x", "y", "--seed", "5"), "--seed"),
        (("x", "y,z", "--confirm"), "one run of each"),
        (("x", "y", "z", "--confirm"), "one run of each"),
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(cli: Cli, arguments: tuple[str, ...], words: str) -> None:
    said = cli("compare", *arguments)
    assert (said.status, said.out) == (2, "")
    assert words in " ".join(said.err.split())


def test_runs_that_cannot_be_compared_are_a_usage_error_and_unknown_ones_a_failure(
    cli: Cli, database: Database
) -> None:
    run_id, queued = stored(database, noisy(5.0, 1)), steps.submitted(database)
    said = cli("compare", run_id, queued)
    assert said.status == 2
    assert f"candidate = {queued}: run {queued} is queued" in said.err
    assert cli("compare", run_id, "nobody").status == 1


def two_runs(client: Client, database: Database, *step_ms: float) -> list[str]:
    """Runs that have ended on the one partition."""
    registered(database)
    made = []
    for ms in step_ms:
        run = client.submit({"workload": "test-step", "scenario": "single_stream", "parameters": {"step_ms": ms}})
        make_run(database, run.id, by_step_ms())
        made.append(run.id)
    return made


@pytest.mark.parametrize(("candidate_ms", "status", "word"), [(5.5, 4, "slower"), (5.0, 0, "the same within 1 %")])
def test_confirming_buys_pairs_until_it_is_decided(
    cli: Cli, database: Database, service_url: str, candidate_ms: float, status: int, word: str
) -> None:
    with Client(service_url) as client:
        runs = two_runs(client, database, 5.0, candidate_ms)
        with worker(database, by_step_ms()) as taken:
            said = cli("compare", *runs, "--confirm", "--budget-s", "30")
        assert said.status == status, said.err
        assert said.out.startswith(f"{word}: ")
        assert "decided after" in said.out
        assert "of 8 planned looks, each at 99.38 %" in said.out
        assert [line.split()[-1] for line in said.err.splitlines() if line.startswith("pair ")] == taken
        assert ("both runs are of one benchmark" in said.err) == (candidate_ms == 5.0)
        assert "by turns on cpu of a processor (CPU-1)" in said.err


def test_a_confirmation_as_json_has_the_pairs_and_why_it_ended(cli: Cli, database: Database, service_url: str) -> None:
    with Client(service_url) as client:
        runs = two_runs(client, database, 5.0, 5.05)
        with worker(database, by_step_ms(between=0.05)) as taken:
            document = cli("compare", *runs, "--confirm", "--max-pairs", "2", "--json").document
    assert document["ended_by"] == "max_pairs"
    assert sorted(run for pair in document["pairs"] for run in (pair["baseline"], pair["candidate"])) == sorted(taken)
    assert document["comparison"]["candidates"][0]["in_time"]["basis"] == "pairs of runs"


def test_a_run_that_fails_ends_a_confirmation_as_a_failure(cli: Cli, database: Database, service_url: str) -> None:
    with Client(service_url) as client:
        runs = two_runs(client, database, 5.0, 5.5)
        with worker(database, lambda _: RunState.FAILED) as taken:
            said = cli("compare", *runs, "--confirm")
    assert said.status == 1
    assert f"run {taken[0]} (candidate) ended as failed: it broke; 0 pairs in" in " ".join(said.out.split())


def test_a_confirmation_that_cannot_be_made_is_a_usage_error(cli: Cli, database: Database) -> None:
    runs = [stored(database, noisy(5.0, n), parameters={"step_ms": n}, where="kind=gpu") for n in (1, 2)]
    said = cli("compare", *runs, "--confirm")
    assert said.status == 2
    assert "no partition is there now that both benchmarks may run on" in said.err


def test_ctrl_c_cancels_the_run_under_way_and_reports_what_was_had(
    database: Database, service_url: str, tmp_path: Path
) -> None:
    with Client(service_url) as client:
        runs, pace, count = two_runs(client, database, 5.0, 5.5), by_step_ms(), [0]

        def hanging(run: object) -> object:
            count[0] += 1
            return pace(run) if count[0] < 6 else None  # type: ignore[arg-type]

        command = [sys.executable, "-m", "migperf", "compare", *runs, "--confirm"]
        with (
            worker(database, hanging) as taken,  # type: ignore[arg-type]
            subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process,
        ):
            while len(taken) < 6:
                assert process.poll() is None
                time.sleep(0.01)
            os.kill(process.pid, signal.SIGINT)
            out, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert "Traceback" not in err
        assert "interrupted; the run under way was cancelled; 2 pairs in" in out
        assert client.run(taken[-1]).cancel_requested_at is not None
