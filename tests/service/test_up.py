"""``migperf up`` brings the whole service up, keeps it up, and takes it down without leaving anything behind."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.service.harness import Service, free_port

pytestmark = pytest.mark.e2e


class Up:
    """A running ``migperf up``, and what it has said so far.

    It is started where folders have the names of our packages, as from above a clone.
    """

    def __init__(self, data_dir: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self.said = data_dir.parent / "said"
        for name in ("migperf", "api"):
            (data_dir.parent / name).mkdir(exist_ok=True)
        command = Path(sys.executable).with_name("migperf")
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [command, "up", "--port", self.url.rpartition(":")[2]],
                cwd=data_dir.parent,
                env={**os.environ, "MIGPERF_DATA_DIR": str(data_dir), "MIGPERF_LEASE_S": "5"},
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    def wait_for(self, pattern: str, within_s: float = 60) -> None:
        Service.until(lambda: re.search(pattern, self.said.read_text()) is not None, within_s, self.said.read_text)

    def part(self, name: str) -> psutil.Process:
        marks = {"api": "uvicorn"}
        parts = psutil.Process(self.process.pid).children()
        return next(part for part in parts if marks.get(name, name) in part.cmdline())

    def finished(self) -> dict[str, str]:
        """State of every run that has ended, by id."""
        runs = httpx.get(f"{self.url}/v1/runs").json()["items"]
        return {run["id"]: run["state"] for run in runs if run["finished_at"]}


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    started = Up(tmp_path_factory.mktemp("up") / "data")
    try:
        started.wait_for("The page: ")
        yield started
    finally:
        started.process.kill()
        started.process.wait()


def test_there_is_a_first_result_to_look_at(up: Up) -> None:
    assert re.search(r"succeeded: throughput [\d.]+ image/s, latency_mean [\d.]+ ms", up.said.read_text())
    assert list(up.finished().values()) == ["succeeded"]
    page = httpx.get(up.url + "/")
    assert page.status_code == 200
    assert "resnet18" in page.text


@pytest.mark.parametrize("name", ["worker", "api", "scheduler"])
def test_a_part_that_dies_is_started_again_and_work_goes_on(up: Up, name: str) -> None:
    request = {
        "workload": "test-step",
        "scenario": "single_stream",
        "method": {"min_s": 1.5, "steady_within": None, "precision": None},
    }
    run_id = httpx.post(f"{up.url}/v1/runs", json=request).json()["id"]
    Service.until(lambda: httpx.get(f"{up.url}/v1/runs/{run_id}").json()["phase"] == "measuring", 30, "not measured")
    part = up.part(name)
    part.kill()
    up.wait_for(f"{name} ended with status -9; starting it again")
    Service.until(lambda: answers(up) and up.finished().get(run_id) == "succeeded", 60, up.said.read_text)


def test_asked_to_stop_it_leaves_no_process_behind(up: Up) -> None:
    processes = psutil.Process(up.process.pid).children(recursive=True)
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(30) == 0
    _, alive = psutil.wait_procs(processes, timeout=5)
    assert alive == []
    assert up.said.read_text().rstrip().endswith("Stopped.")


def test_started_again_it_shows_what_was_measured_before(up: Up) -> None:
    again = Up(up.said.parent / "data")
    try:
        again.wait_for("The page: ")
        assert "first benchmark" not in again.said.read_text()
        assert len(again.finished()) >= 4
    finally:
        again.process.send_signal(signal.SIGINT)
        again.process.wait(30)


def test_a_taken_port_is_said_and_not_waited_for(up: Up, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-m", "migperf", "up", "--port", str(taken.getsockname()[1])]
        begun = time.monotonic()
        ended = subprocess.run(
            command,
            env={**os.environ, "MIGPERF_DATA_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
    assert ended.returncode != 0
    assert "Address already in use; choose another with --port" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert time.monotonic() - begun < 20


def answers(up: Up) -> bool:
    """Whether the API is there at the moment."""
    try:
        return httpx.get(f"{up.url}/v1/health").status_code == 200
    except httpx.TransportError:
        return False
