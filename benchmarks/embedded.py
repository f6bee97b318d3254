"""A throw-away embedded service for the benchmarks: its own data folder and port, stopped and removed at the end."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from migperf.client import Client, MigperfClientError

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 60.0


@contextmanager
def embedded_service(**settings: str) -> Iterator[tuple[Client, psutil.Process]]:
    """Yield a client of a service that has just started, and the root of its process tree."""
    with tempfile.TemporaryDirectory(prefix="migperf-benchmark-") as folder:
        variables = {"MIGPERF_DATA_DIR": str(Path(folder) / "data"), "MIGPERF_PORT": str(_free_port()), **settings}
        process = subprocess.Popen(
            [sys.executable, "-m", "migperf", "up", "--no-first-benchmark"],
            env={**os.environ, **variables},
            stdout=subprocess.DEVNULL,
        )
        try:
            with Client(f"http://127.0.0.1:{variables['MIGPERF_PORT']}") as client:
                wait_until_ready(client)
                yield client, psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(STOP_TIMEOUT_S)


def wait_until_ready(client: Client) -> None:
    """Wait until the service answers and has a living node."""
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline_s:
        try:
            if client.ready().nodes_alive:
                return
        except MigperfClientError:
            pass
        time.sleep(0.1)
    raise TimeoutError(f"no service at {client.url} after {START_TIMEOUT_S:g} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
