"""`migperf check`: what it prints and writes, and an exit status that a CI can trust."""

import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from migperf.client import Client
from migperf.store.database import Database
from migperf.store.models import Run
from tests.cli.conftest import Cli
from tests.client.worker import by_step_ms, make_run, registered, worker

pytestmark = pytest.mark.timeout(60)
REQUEST: dict[str, Any] = {"workload": "test-step", "scenario": "single_stream", "parameters": {"step_ms": 5.0}}
MAIN = ("check", "--baseline", "label:branch=main", "--repeats", "2")


@pytest.fixture(autouse=True)
def service(service_url: str, environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command finds the service by the environment."""
    monkeypatch.setenv("MIGPERF_URL", service_url)


@pytest.fixture
def before(service_url: str, database: Database) -> list[str]:
    """Runs of branch main, which have ended."""
    registered(database)
    with Client(service_url) as client:
        made = [client.submit({**REQUEST, "labels": {"branch": "main"}}).id for _ in range(3)]
    pace = by_step_ms(seed=7)
    assert all(make_run(database, run_id, pace) for run_id in made)
    return made


def slowed(factor: float) -> Any:
    pace = by_step_ms()
    return lambda run: pace(run) * factor  # type: ignore[operator]


def parsed(file: Path) -> ET.Element:
    return ET.fromstring(file.read_bytes())  # noqa: S314 - our own


def test_what_passed_is_status_0_with_table_and_reports(
    cli: Cli, database: Database, before: list[str], tmp_path: Path
) -> None:
    reports = ("--junit", str(tmp_path / "check.xml"), "--markdown", str(tmp_path / "check.md"))
    with worker(database, slowed(1.0)) as taken:
        said = cli(*MAIN, "--margin", "0.02", "-l", "commit=4f1", *reports)
    assert said.status == 0, said.out + said.err
    assert said.out.startswith("passed: test-step single_stream ")
    assert "\npassed: 1 benchmark (1 passed) against label:branch=main with a margin of 2" in said.out
    assert {*before, *taken} <= set(said.out.split())
    assert max(map(len, said.out.splitlines()[:-1])) <= 80
    assert [line.split()[-1] for line in said.err.splitlines() if " of 2: " in line] == taken
    root = parsed(tmp_path / "check.xml")
    assert (root.attrib["tests"], root.attrib["failures"], root.attrib["errors"]) == ("2", "0", "0")
    assert (tmp_path / "check.md").read_text().startswith("## migperf check: passed\n")


def test_what_regressed_is_status_1_with_the_difference(cli: Cli, database: Database, before: list[str]) -> None:
    with worker(database, slowed(1.2)):
        said = cli(*MAIN, "--statistic", "p50", "--statistic", "mean")
    assert said.status == 1, said.out + said.err
    rows = [line.split() for line in said.out.splitlines() if line.startswith(("p50 ", "mean "))]
    assert [(row[0], row[3], row[-1]) for row in rows] == [
        ("p50", "ms/step", "regressed"),
        ("mean", "ms/step", "regressed"),
    ]
    assert float(rows[0][4]) == pytest.approx(20, abs=1)
    assert "p50: slower: the p50 of latency per step differs by +20" in said.out


def test_json_is_all_of_it(cli: Cli, database: Database, before: list[str]) -> None:
    with worker(database, slowed(1.2)):
        said = cli(*MAIN, "--json")
    assert (said.status, said.document["outcome"], said.document["reference"]) == (1, "regressed", "label:branch=main")
    (found,) = said.document["benchmarks"]
    assert (found["baseline"], len(found["candidate"])) == (before[::-1], 2)
    assert found["findings"][0]["compared"]["interval"]["low"] > 1.1


def test_files_hold_a_benchmark_or_a_list_of_them(
    cli: Cli, database: Database, before: list[str], tmp_path: Path
) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("workload: test-step\nscenario: single_stream\nparameters: {step_ms: 5.0}\n")
    two.write_text(json.dumps([REQUEST, {**REQUEST, "parameters": {"step_ms": 1}}]))
    with worker(database, slowed(1.0)):
        said = cli("check", "-b", "last", "-f", str(one), "-f", str(two), "--repeats", "1", "--margin", "0.2", "--json")
    outcomes = [found["outcome"] for found in said.document["benchmarks"]]
    assert (said.status, outcomes) == (2, ["passed", "passed", "could_not_tell"]), said.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--baseline", "label:branch=gone"), "no run can be the baseline 'label:branch=gone'"),
        (("--baseline", "nobody"), "nobody"),
        (("--baseline", "last"), "give them as files"),
        (("--baseline", "label:a=1", "--url", "http://127.0.0.1:1"), "no migperf service answers"),
        (("--baseline", "x", "--url", "nonsense"), "is not the URL of a service"),
        (("--baseline", "x", "--repeats", "0"), "--repeats"),
        (("--baseline", "x", "--label", "nonsense"), "--label"),
        (("--baseline", "x", "--junit", "/nowhere/check.xml"), "there is no folder /nowhere"),
        (("--baseline", "x", "--file", "/nowhere/bench.yaml"), "/nowhere/bench.yaml"),
        ((), "--baseline"),
    ],
)
def test_whatever_is_wrong_is_status_2_and_never_a_regression(cli: Cli, arguments: tuple[str, ...], words: str) -> None:
    said = cli("check", *arguments)
    assert said.status == 2
    assert words in " ".join(said.err.split())


@pytest.mark.parametrize("content", ["[]", "3", "- a\n", "{1: 2}", "a: b\na: c\n", "workload: none\nscenario: train\n"])
def test_a_file_that_holds_no_benchmark_is_refused(cli: Cli, tmp_path: Path, content: str) -> None:
    file = tmp_path / "bench.yaml"
    file.write_text(content)
    said = cli("check", "-b", "last", "-f", str(file))
    assert said.status == 2
    assert "bench.yaml" in said.err or "workload" in said.err


def test_a_fault_of_ours_is_status_2_as_well(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migperf.cli.checks.Checker", None)
    for debug in ((), ("--debug",)):
        said = cli(*debug, *MAIN)
        assert said.status == 2
        assert "That is a fault in migperf" in said.err
        assert ("Traceback" in said.err) == bool(debug)


def test_a_check_that_ended_early_leaves_reports_that_say_so(cli: Cli, tmp_path: Path) -> None:
    """A CI that finds no file shows nothing, or the last one."""
    said = cli(*MAIN, "--junit", str(tmp_path / "check.xml"), "--markdown", str(tmp_path / "check.md"))
    assert said.status == 2
    assert parsed(tmp_path / "check.xml").attrib["errors"] == "1"
    assert "**Ended early:** no run can be the baseline" in (tmp_path / "check.md").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_ci_that_ends_the_job_has_the_run_under_way_cancelled(
    database: Database, service_url: str, before: list[str], number: signal.Signals
) -> None:
    def hanging(run: Run) -> None:
        return None

    with (
        worker(database, hanging) as taken,
        subprocess.Popen(
            [sys.executable, "-m", "migperf", *MAIN], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        while not taken:
            assert process.poll() is None
            time.sleep(0.01)
        os.kill(process.pid, number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "interrupted; the run under way was cancelled" in out
    with Client(service_url) as client:
        assert client.run(taken[-1]).cancel_requested_at is not None
