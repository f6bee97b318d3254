"""``migperf run`` measures for real, says how it ended by its exit status, and leaves no process behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from migperf.gpus.inventory import discover
from tests.cli.conftest import Cli
from tests.payload_release import PACKAGE, release

AS_TOLD = ("-m", "steady_within=null", "-m", "precision=null")
"""Phases end by steps and time."""
QUICK = (*AS_TOLD, "-m", "min_s=0.2", "-m", "warmup_s=0", "-m", "warmup_steps=1", "-m", "min_steps=3")
RESNET = ("run", "resnet18", "-p", "image_size=32", "-p", "batch_size=1", "-p", "classes=10", *QUICK)
pytestmark = pytest.mark.timeout(120)


def test_a_real_network_is_measured_here_and_now(cli: Cli, tmp_path: Path) -> None:
    saved = tmp_path / "result.json"
    said = cli(*RESNET, "--json", "--seed", "7", "--save", str(saved))
    assert said.status == 0, said.err
    run = said.document
    figures = {figure["name"]: figure for figure in run["figures"]}
    assert run["state"] == "succeeded"
    assert (run["benchmark"]["seed"], run["benchmark"]["parameters"]["image_size"]) == (7, 32)
    assert run["partition"]["uuid"] == discover(None).partitions[0].uuid
    assert figures["throughput"]["value"] > 0
    assert figures["throughput"]["unit"] == "image/s"
    assert figures["peak_rss"]["value"] > 50
    assert figures["batch_time_p99"]["value"] is None
    assert "needs at least" in figures["batch_time_p99"]["absent"]
    assert run["measured"]["window_s"] >= 0.2
    assert run["environment"]["seed"] == 7

    kept = json.loads(saved.read_text())
    assert {name: kept[name] for name in run} == run
    timings = next(series for series in kept["series"] if series["name"] == "batch_time")
    inside = [t for t in timings["time_s"] if kept["window"]["start_s"] <= t <= kept["window"]["end_s"]]
    assert len(inside) == figures["throughput"]["samples"]
    assert len(timings["time_s"]) > len(inside), "warm-up is kept too"


def test_a_software_environment_of_the_settings_is_used(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = release(tmp_path / "newer", "0.2", {})
    monkeypatch.setenv("MIGPERF_ENVIRONMENTS", json.dumps({"newer": newer.model_dump(mode="json")}))
    asked = ("run", "test-step", "-s", "single_stream", "-p", "step_ms=1", *QUICK)
    said = cli(*asked, "--environment", "newer", "--json")
    assert said.status == 0, said.err
    environment = said.document["environment"]
    assert (environment["software_environment"], environment["payload"]) == ("newer", {PACKAGE: "0.2"})
    said = cli(*asked, "--environment", "older")
    assert said.status == 2
    assert "'older'; there are: default, newer" in " ".join(said.err.split())


def test_people_get_phases_a_table_and_the_environment(cli: Cli) -> None:
    said = cli("run", "test-step", "-s", "single_stream", "-p", "step_ms=1", *QUICK)
    assert said.status == 0
    assert said.out.startswith("test-step · single_stream · cpu · succeeded")
    assert "latency_mean" in said.out
    assert "Not reported" in said.out
    assert "torch" in said.out
    assert said.err.splitlines() == ["starting", "preparing", "warming up", "measuring", "finishing"]


def test_the_engine_is_said_by_options_and_stands_in_the_heading(cli: Cli) -> None:
    said = cli("run", "test-network", "--precision", "bf16", "--channels-last", *QUICK)
    assert said.status == 0, said.err
    assert said.out.startswith("test-network · offline · eager in bf16, channels last · cpu · succeeded")
    assert "engine_error" in said.out
    refused = cli("run", "test-step", "--engine", "compile")
    assert refused.status == 2
    assert "engine.runtime = compile: test-step does not offer compile" in refused.err


@pytest.mark.parametrize(
    ("arguments", "status", "state", "reason"),
    [
        (("test-network", "--engine", "cuda_graph"), 6, "does_not_compile", "needs a GPU, and this is a CPU"),
        (("memory-copy", "-p", "direction=both"), 6, "does_not_compile", "or set direction to device"),
        (("test-misbehave", "-p", "how=out_of_memory"), 3, "does_not_fit", "no room for 1 TiB"),
        (("test-misbehave", "-p", "how=raise"), 1, "failed", "ValueError: the payload is unwell"),
        (("test-step", "-m", "min_s=60", "--timeout-s", "0.5"), 1, "timed_out", "timeout_s"),
    ],
)
def test_each_end_has_its_exit_status_and_reason(
    cli: Cli, arguments: tuple[str, ...], status: int, state: str, reason: str
) -> None:
    said = cli("run", *arguments, *AS_TOLD, "-m", "warmup_s=0", "--json")
    assert said.status == status
    assert said.document["state"] == state
    assert reason in said.document["reason"]
    assert ("the payload is unwell" in said.err) == (state == "failed"), "the log's tail explains a failure"
    assert ("that the child wrote" in said.err) == (state in {"failed", "does_not_compile"})


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("resnet18", "-p", "batch_size=0"), "parameters.batch_size = 0: input should be greater than or equal to 1"),
        (("resnet18", "-p", "batchsize=1"), "did you mean batch_size?"),
        (("resnet19",), "nearest: resnet18"),
        (("resnet18", "-s", "batch"), "'offline', 'single_stream', 'multi_stream', 'server' or 'train'"),
        (("resnet18", "-s", "server"), "how many requests arrive per second"),
        (("vit-stem-stability", "-s", "offline"), "scenarios that it can run: train"),
        (("resnet18", "-m", "min_s=9", "-m", "max_s=1"), "lower one or raise the other"),
        (("resnet18", "-w", "kind=mig"), "no partition of this host"),
        (("resnet18", "-w", "mig"), "not of the form name=value"),
        (("resnet18", "-p", "batch_size"), "not of the form name=value"),
        (("resnet18", "--timeout-s", "-1"), "timeout_s = -1.0: input should be greater than 0"),
        (("resnet18", "--save", "/nowhere/at/all.json"), "no folder /nowhere/at"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_starts(
    cli: Cli, arguments: tuple[str, ...], expected: str
) -> None:
    said = cli("run", *arguments, "--json")
    assert said.status == 2
    assert said.out == ""
    assert expected in said.err
    assert "Traceback" not in said.err
    assert "starting" not in said.err


def test_a_workload_that_only_trains_is_trained_when_nothing_else_is_said(cli: Cli) -> None:
    said = cli("run", "vit-stem-stability", "-p", "trials=0")
    assert "parameters.trials = 0" in said.err
    assert "scenario" not in said.err


@contextmanager
def measuring(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A real ``migperf run`` in a group of its own, as a shell would start it."""
    command = [sys.executable, "-m", "migperf", "run", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    ) as process:
        yield process
        if process.poll() is None:
            process.kill()


def _wait_for_line(process: subprocess.Popen[str], line: str) -> None:
    assert process.stderr is not None
    for said in process.stderr:
        if said.strip() == line:
            return
    raise AssertionError(f"it never said {line!r}")


def test_ctrl_c_cancels_the_run_and_leaves_no_child_behind() -> None:
    with measuring("test-step", *AS_TOLD, "-p", "step_ms=5", "-m", "min_s=60", "-m", "warmup_s=0", "--json") as process:
        _wait_for_line(process, "measuring")
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 2, "a helper and the child that it forked"
        time.sleep(0.3)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    run = json.loads(out)
    assert (run["state"], run["reason"]) == ("cancelled", "cancelled on request")
    assert "Traceback" not in err
    psutil.wait_procs(family, timeout=5)
    assert not [p for p in family if p.is_running()]


def test_ctrl_c_while_the_run_still_starts_cancels_it_without_a_word_from_its_helper() -> None:
    with measuring("test-step", *AS_TOLD, "-m", "min_s=60", "--json") as process:
        deadline = time.monotonic() + 30
        while not (family := psutil.Process(process.pid).children()) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert json.loads(out)["state"] == "cancelled"
    assert "Traceback" not in err
    psutil.wait_procs(family, timeout=10)
    assert not [p for p in family if p.is_running()]


@pytest.mark.alone
def test_a_second_ctrl_c_does_not_wait() -> None:
    stubborn = ("test-misbehave", *AS_TOLD, "-p", "how=ignore_sigterm")
    with measuring(*stubborn, "-m", "min_s=60", "-m", "warmup_s=0") as process:
        _wait_for_line(process, "measuring")
        family = psutil.Process(process.pid).children(recursive=True)
        time.sleep(0.5)
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.4)
        begun = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert time.monotonic() - begun < 1.5, "the grace of the child was not waited for"
    assert "not waited for" in err
    psutil.wait_procs(family, timeout=5)
    assert not [p for p in family if p.is_running()]


def test_a_reader_that_goes_away_does_not_cost_the_saved_result(tmp_path: Path) -> None:
    saved = tmp_path / "result.json"
    with measuring("test-step", *QUICK, "--save", str(saved)) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
    assert json.loads(saved.read_text())["state"] == "succeeded"
    assert "Traceback" not in err


def test_a_result_that_cannot_be_saved_is_still_printed(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target = tmp_path / "link"
    target.symlink_to(tmp_path / "folder" / "not there" / "file")
    said = cli("run", "test-step", *QUICK, "--save", str(target), "--json")
    assert said.status == 1
    assert said.document["state"] == "succeeded"
    assert "No such file" in said.err


def test_a_killed_command_takes_its_child_with_it() -> None:
    with measuring("test-step", *AS_TOLD, "-p", "step_ms=5", "-m", "min_s=60", "-m", "warmup_s=0") as process:
        _wait_for_line(process, "measuring")
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.communicate(timeout=20)
    psutil.wait_procs(family, timeout=5)
    assert not [p for p in family if p.is_running()]


def test_the_largest_batch_is_searched_for_with_what_ended_the_search(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    said = cli("run", "test-batches", "--max-batch", "3", "--artifacts", str(folder))
    assert said.status == 0, said.err
    assert "limited by limit (3), not by memory" in said.out
    assert [line.split()[1:3] for line in said.out.splitlines() if line.startswith("max_batch")] == [
        ["3.00", "samples"]
    ]
    assert [trial["batch_size"] for trial in json.loads((folder / "max_batch.json").read_text())] == [1, 2, 3]
    assert said.err.splitlines()[:2] == ["starting", "measuring"]


def test_a_workload_without_batches_has_no_largest_one(cli: Cli) -> None:
    said = cli("run", "test-step", "--max-batch", "64")
    assert said.status == 2
    assert "needs a workload with the parameter batch_size" in said.err
