"""The commands about a service, against the real API: what they print, and what their exit status says."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from migperf.client import Client
from migperf.store import results, runs
from migperf.store.database import Database, now
from migperf.store.models import Run
from migperf.store.states import RunState
from tests import builders
from tests.analysis.experiments.made_experiments import Ending, cell, made, together
from tests.analysis.experiments.made_probes import not_installed, probe_cell, works
from tests.api import steps
from tests.cli.conftest import Cli

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(autouse=True)
def service(service_url: str, environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command finds the service by the environment."""
    monkeypatch.setenv("MIGPERF_URL", service_url)


def _play_worker(database: Database, end: Callable[[Database, int], None]) -> threading.Thread:
    """Begin the first run that turns up, and end it."""

    def queued() -> Run | None:
        with database.read() as session:
            return session.scalars(select(Run)).first()

    def work() -> None:
        while (run := queued()) is None:
            time.sleep(0.01)
        token = steps.begun(database, run.id)
        steps.entered(database, run.id, "measuring")
        end(database, token)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_submitting_prints_the_id_and_the_page(cli: Cli, service_url: str) -> None:
    said = cli("submit", "test-step", "-s", "train", "-p", "step_ms=2", "-l", "commit=4f1", "--priority", "3")
    assert said.status == 0, said.err
    first, page = said.out.splitlines()
    run_id = first.split()[1]
    assert page == f"page {service_url}/runs/{run_id}"
    with Client(service_url) as client:
        run = client.run(run_id)
    assert (run.scenario, run.priority, run.labels) == ("train", 3, {"commit": "4f1"})
    assert run.benchmark.parameters["step_ms"] == 2


def test_without_a_scenario_the_service_is_asked_what_the_workload_offers(cli: Cli) -> None:
    assert cli("submit", "test-step", "--json").document["scenario"] == "offline"
    assert cli("submit", "vit-stem-stability", "--json").document["scenario"] == "train"
    said = cli("submit", "resnet19")
    assert said.status == 1
    assert "resnet19" in said.err


def test_a_file_gives_the_request_and_options_beside_it_win(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    asked = {"workload": "test-step", "scenario": "offline", "parameters": {"step_ms": 9, "samples": 2}, "seed": 4}
    file.write_text(json.dumps(asked))
    run = cli("submit", "--file", str(file), "-p", "step_ms=1", "--json").document
    assert run["benchmark"]["parameters"] == {"step_ms": 1, "samples": 2, "total_steps": None, "slowed_by": ""}
    assert run["benchmark"]["seed"] == 4


def test_a_request_can_come_from_standard_input(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"workload": "test-step", "scenario": "train"}'))
    assert cli("submit", "-f", "-", "--json").document["scenario"] == "train"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("{", "not JSON"), ("[]", "no JSON object"), ("{}", "name a WORKLOAD")],
)
def test_a_file_that_is_no_request_is_a_usage_error(cli: Cli, tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "request.json"
    file.write_text(text)
    said = cli("submit", "--file", str(file))
    assert said.status == 2
    assert expected in said.err


def test_a_refused_benchmark_is_a_usage_error_that_names_the_parameter(cli: Cli) -> None:
    said = cli("submit", "test-step", "-s", "offline", "-p", "step_ms=-3", "--json")
    assert (said.status, said.out) == (2, "")
    assert "parameters.step_ms = -3" in said.err


def test_the_same_key_says_that_no_new_run_was_made(cli: Cli) -> None:
    command = ("submit", "test-step", "-s", "offline", "--idempotency-key", "one", "--json")
    first, second = cli(*command), cli(*command)
    assert first.document["id"] == second.document["id"]
    assert "no new run" in second.err
    assert "no new run" not in first.err


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (RunState.SUCCEEDED, 0),
        (RunState.DOES_NOT_FIT, 3),
        (RunState.DOES_NOT_COMPILE, 6),
        (RunState.FAILED, 1),
        (RunState.TIMED_OUT, 1),
    ],
)
def test_waiting_ends_with_the_exit_status_of_the_run(
    cli: Cli, database: Database, state: RunState, status: int
) -> None:
    worker = _play_worker(database, lambda database, token: steps.finished(database, token, state, "because"))
    said = cli("submit", "test-step", "-s", "offline", "--wait", "--json")
    worker.join()
    assert said.status == status, said.err
    assert (said.document["state"], said.document["figures"]) == (state, [])
    assert "measuring" in said.err.splitlines()


def test_a_run_is_shown_with_its_figures_and_reasons(cli: Cli, database: Database) -> None:
    run_id = steps.measured(database, labels={"commit": "4f1c2d7"}, simulated=True)
    said = cli("runs", "show", run_id)
    for word in (run_id, "succeeded", "4.518", "4.502 to 4.535", "commit=4f1c2d7", "simulated", "Not reported"):
        assert word in said.out
    assert "the instance has no power sensor" in " ".join(said.out.split())
    document = cli("runs", "show", run_id, "--json").document
    assert (document["id"], document["simulated"], len(document["figures"])) == (run_id, True, 3)


def test_how_requests_arrive_is_shown_and_a_long_trace_only_in_part(cli: Cli, database: Database) -> None:
    load = {"arrivals": "trace", "trace_s": [n / 7 for n in range(1, 3000)], "max_batch": 4, "max_delay_ms": 5}
    run_id = steps.submitted(database, scenario="server", load=load)
    said = cli("runs", "show", run_id)
    assert "arrivals=trace" in said.out
    assert "max_batch=4" in said.out
    assert "…" in said.out
    assert len(said.out) < 3000
    assert len(cli("runs", "show", run_id, "--json").document["benchmark"]["load"]["trace_s"]) == 2999


def test_a_tainted_run_is_marked_in_listings(cli: Cli, database: Database) -> None:
    clean, tainted = steps.measured(database), steps.measured(database)
    broken = {"rule": "throttled", "seen": "s", "threshold": "t", "remedy": "r"}
    with database.write() as session:
        runs.lock(session, clean).taints, runs.lock(session, tainted).taints = [], [broken]
    lines = {line.split()[0]: line for line in cli("runs", "list").out.splitlines()}
    assert "succeeded, tainted" in lines[tainted]
    assert "tainted" not in lines[clean]


def test_runs_are_listed_whole_at_80_columns_and_filters_hold(cli: Cli, database: Database) -> None:
    queued = steps.submitted(database, labels={"n": "1"})
    ended = steps.measured(database)
    said = cli("runs", "list")
    assert {queued, ended} <= set(said.out.split())
    assert max(map(len, said.out.splitlines())) <= 80
    assert [run["id"] for run in cli("runs", "list", "--state", "queued", "--json").document] == [queued]
    assert [run["id"] for run in cli("runs", "list", "-l", "n=1", "--json").document] == [queued]
    assert len(cli("runs", "list", "--limit", "1", "--json").document) == 1
    none = cli("runs", "list", "--workload", "resnet18")
    assert (none.status, none.out, none.err.strip()) == (0, "", "no runs match")


def test_a_run_of_an_experiment_says_so_and_the_runs_of_one_can_be_listed(cli: Cli, database: Database) -> None:
    lone = steps.submitted(database)
    experiment_id = made(database, [cell(together(1, 1))], lambda *_: None)
    runs_of = cli("runs", "list", "--experiment", experiment_id, "--json").document
    assert {run["experiment"]["id"] for run in runs_of} == {experiment_id}
    assert len(runs_of) == 2
    neighbour = next(run["id"] for run in runs_of if run["experiment"]["role"] == "neighbour")
    said = " ".join(cli("runs", "show", neighbour).out.split())
    assert f"experiment {experiment_id}, cell 0, repeat 1, neighbour (member 1)" in said
    assert "experiment" not in cli("runs", "show", lone).out
    unknown = cli("runs", "list", "--experiment", "nothing")
    assert (unknown.status, unknown.out) == (1, "")
    assert "no experiment with id 'nothing'" in unknown.err


def test_a_wide_terminal_shows_more_of_each_run(cli: Cli, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.measured(database, labels={"commit": "4f1"})
    monkeypatch.setenv("COLUMNS", "140")
    said = cli("runs", "list").out
    assert "commit=4f1" in said
    assert "8.0 s" in said


def test_ids_stay_whole_however_narrow_the_terminal_is(
    cli: Cli, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = steps.submitted(database)
    monkeypatch.setenv("COLUMNS", "60")
    assert run_id in cli("runs", "list").out


def test_a_misspelt_filter_is_refused(cli: Cli) -> None:
    said = cli("runs", "list", "--state", "quued")
    assert said.status == 2
    assert "state" in said.err


def test_watching_as_json_gives_one_event_a_line(cli: Cli, database: Database) -> None:
    run_id = steps.measured(database)
    said = cli("runs", "watch", run_id, "--json")
    events = [json.loads(line) for line in said.out.splitlines()]
    assert [event["event"] for event in events] == ["state"] * 4 + ["end"]
    assert events[-1]["run"]["state"] == "succeeded"
    assert said.status == 0


def test_watching_ends_with_the_table_and_the_exit_status(cli: Cli, database: Database) -> None:
    run_id = steps.submitted(database)
    steps.finished(database, steps.begun(database, run_id), RunState.FAILED, "ValueError: unwell")
    said = cli("runs", "watch", run_id)
    assert said.status == 1
    assert "ValueError: unwell" in said.out


def test_ctrl_c_while_watching_leaves_the_run_alone_and_says_so(database: Database, service_url: str) -> None:
    run_id = steps.submitted(database)
    command = [sys.executable, "-m", "migperf", "runs", "watch", run_id]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("queued")
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert f"migperf runs cancel {run_id}" in err
    assert "Traceback" not in err
    with Client(service_url) as client:
        assert client.run(run_id).state is RunState.QUEUED


def test_a_run_is_cancelled_and_deleted(cli: Cli, database: Database) -> None:
    run_id = steps.submitted(database)
    refused = cli("runs", "delete", run_id)
    assert refused.status == 1
    assert "cancel it before" in refused.err
    assert cli("runs", "cancel", run_id, "--json").document["state"] == "cancelled"
    assert cli("runs", "delete", run_id, "--json").document == {"deleted": run_id}
    gone = cli("runs", "show", run_id)
    assert (gone.status, gone.out) == (1, "")
    assert run_id in gone.err


def test_the_log_is_printed_as_it_is(cli: Cli, database: Database) -> None:
    run_id = steps.measured(database)
    assert cli("runs", "log", run_id).out.startswith("<b>hello</b>")
    assert cli("runs", "log", run_id, "--json").document["log"].startswith("<b>hello</b>")
    assert cli("runs", "log", run_id, "--attempt", "7").status == 1


def test_an_empty_log_is_said_to_be_empty(cli: Cli, database: Database) -> None:
    run_id = steps.submitted(database)
    with database.write() as session:
        results.store_log(session, run_id, 1, b"", 0)
    said = cli("runs", "log", run_id)
    assert (said.status, said.out, said.err.strip()) == (0, "", "the child wrote nothing")


def test_a_service_that_is_not_there_is_one_line_with_the_remedy(cli: Cli) -> None:
    said = cli("runs", "list", "--url", "http://127.0.0.1:9")
    assert (said.status, said.out) == (1, "")
    assert len(said.err.splitlines()) == 1
    assert "http://127.0.0.1:9" in said.err
    assert "migperf up" in said.err


def test_the_matrix_of_an_experiments_probes_is_printed_line_by_line_or_as_json(cli: Cli, database: Database) -> None:
    probes = [probe_cell("jax", "training"), probe_cell("tensorflow", "training")]
    experiment = made(database, probes, lambda _, __, at: works(at) if at["framework"] == "jax" else not_installed(at))
    said = cli("experiments", "compatibility", experiment)
    assert said.status == 0, said.err
    assert ["jax", "training", "cpu", "works", "1.2.3", "cuda:0"] in [line.split() for line in said.out.splitlines()]
    assert "not installed" in said.out
    document = cli("experiments", "compatibility", experiment, "--json").document
    assert [row["cells"][0]["verdict"] for row in document["rows"]] == ["works", "not_installed"]
    without = cli("experiments", "compatibility", made(database, [cell(n=1)], lambda *_: Ending()))
    assert (without.status, without.out) == (0, "")
    assert "no probes" in without.err


def test_a_run_can_name_its_software_environment_and_a_command_lists_them(cli: Cli, database: Database) -> None:
    with database.write() as session:
        offered = builders.environments("newer", older="its interpreter is not there")
        builders.register(session, now(session), environments=offered)
    said = cli("submit", "test-step", "-s", "single_stream", "--environment", "newer", "--json")
    assert said.document["benchmark"]["environment"] == "newer"
    assert "environment newer" in " ".join(cli("runs", "show", said.document["id"]).out.split())
    told = " ".join(cli("environments").out.split())
    assert "newer node-1 Python 3.12.4, torch 2.13.0, a-package 1.0" in told
    assert "older node-1 cannot be used: its interpreter is not there" in told
    (node,) = cli("environments", "--json").document
    assert [each["name"] for each in node["environments"]] == ["default", "newer", "older"]


def test_runs_are_written_into_one_table(cli: Cli, database: Database, tmp_path: Path) -> None:
    first, second = steps.measured(database), steps.submitted(database, workload="resnet18")
    asked = ("runs", "table")
    rows = list(csv.DictReader(io.StringIO(cli(*asked, "--workload", "test-step", "--figure", "latency_mean").out)))
    assert [(row["run"], row["latency_mean"], row["latency_mean_unit"]) for row in rows] == [(first, "4.51832", "ms")]
    assert "latency_p95" not in rows[0]
    said = cli(*asked, second, "--format", "json-lines").out
    assert [json.loads(line)["id"] for line in said.splitlines()] == [second]
    file = tmp_path / "runs.parquet"
    document = cli(*asked, "--out", str(file), "--json").document
    assert document == {"file": str(file), "bytes": file.stat().st_size}
    assert "--out FILE" in " ".join(cli(*asked, "--format", "parquet").err.split())
    assert cli(*asked, "--experiment", "none", "--out", str(tmp_path / "no.csv")).status == 1
    assert not (tmp_path / "no.csv").exists()
