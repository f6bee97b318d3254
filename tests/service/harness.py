"""The whole service as real processes, for tests: API, worker and scheduler, each to be killed and restarted."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from migperf.cli.processes import die_with_parent
from migperf.settings import Settings, load_settings
from migperf.store import schema
from migperf.store.database import Database

NAMES = ("api", "scheduler", "worker")
FINAL = {"succeeded", "does_not_fit", "does_not_compile", "failed", "cancelled", "timed_out", "lost"}


class Service:
    """A running service. Requests go through ``http``; processes are reached by name."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database = Database(settings.sqlalchemy_url)
        schema.upgrade(self.database)
        self.http = httpx.Client(base_url=settings.api_url, timeout=20)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *names: str) -> None:
        """Start processes by name and wait until they do their work."""
        for name in names or NAMES:
            log = (self.settings.data_dir / f"{name}.log").open("ab")
            with log:
                self._processes[name] = subprocess.Popen(
                    [sys.executable, "-m", "migperf", name],
                    env={**os.environ, **self.settings.environment()},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    # Tests that are killed would leave a worker that takes the next tests' messages from their broker.
                    preexec_fn=die_with_parent,  # noqa: PLW1509 - it makes two system calls
                )
        self.until(lambda: self._ready(names or NAMES), 60, "the service does not start")

    def process(self, name: str) -> psutil.Process:
        """The process of that name."""
        return psutil.Process(self._processes[name].pid)

    def stop(self, name: str, number: signal.Signals = signal.SIGTERM, within_s: float = 20.0) -> int:
        """Send a signal and wait for the end; return the exit status."""
        process = self._processes.pop(name)
        process.send_signal(number)
        return process.wait(within_s)

    def close(self) -> None:
        """Stop everything."""
        for name in ("worker", "scheduler", "api"):
            if name in self._processes:
                try:
                    self.stop(name)
                except subprocess.TimeoutExpired:
                    raise AssertionError(f"{name} does not stop: {self.log(name)}") from None
        self.http.close()
        self.database.close()

    def submit(self, **request: Any) -> str:
        """Submit a run of the test payload; return its id."""
        body = {"workload": "test-step", "scenario": "single_stream", **request}
        answer = self.http.post("/v1/runs", json=body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def run(self, run_id: str) -> dict[str, Any]:
        """The run as the API shows it."""
        answer = self.http.get(f"/v1/runs/{run_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def wait_for(self, run_id: str, wanted: Callable[[dict[str, Any]], bool], within_s: float = 60) -> dict[str, Any]:
        """Wait until the run is as wanted, and return it."""
        seen: dict[str, Any] = {}

        def reached() -> bool:
            seen.update(self.run(run_id))
            return wanted(seen)

        self.until(reached, within_s, lambda: f"run stays {seen}; worker: {self.log('worker')}")
        return seen

    def finish(self, run_id: str, within_s: float = 60) -> dict[str, Any]:
        """Wait until the run has ended, and return it."""
        return self.wait_for(run_id, lambda run: run["state"] in FINAL, within_s)

    def measuring(self, run_id: str) -> dict[str, Any]:
        """Wait until the run is being measured, and return it."""
        return self.wait_for(run_id, lambda run: run["phase"] == "measuring" or run["state"] in FINAL)

    def child(self) -> psutil.Process:
        """The payload's process of the only run under way."""
        (helper,) = self.process("worker").children()
        (child,) = helper.children()
        return child

    def log(self, name: str) -> str:
        """The end of a process's log."""
        return (self.settings.data_dir / f"{name}.log").read_text(errors="replace")[-4000:]

    @staticmethod
    def until(condition: Callable[[], bool], within_s: float, complaint: str | Callable[[], str]) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < deadline, complaint if isinstance(complaint, str) else complaint()
            time.sleep(0.05)

    def _ready(self, names: tuple[str, ...]) -> bool:
        for name in names:
            status = self._processes[name].poll()
            assert status is None, f"{name} ended with {status}: {self.log(name)}"
        try:
            ready = self.http.get("/v1/ready")
        except httpx.TransportError:
            return False
        return ready.status_code == 200 and ("worker" not in self._processes or ready.json()["nodes_alive"] > 0)


@contextmanager
def service(data_dir: Path, **overrides: Any) -> Iterator[Service]:
    """A service on a free port, quick to notice things, started whole; stopped at the end."""
    data_dir.mkdir(parents=True, exist_ok=True)
    quick = {
        "node_name": "test-node",
        "lease_s": 4.0,
        "lease_renew_s": 0.2,
        "wake_resend_s": 0.5,
        "placement_interval_s": 0.3,
        "node_heartbeat_s": 0.5,
        "node_stale_s": 3.0,
    }
    settings = load_settings(data_dir=data_dir, **{"port": free_port(), **quick, **overrides})
    running = Service(settings)
    try:
        running.start()
        yield running
    finally:
        running.close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
