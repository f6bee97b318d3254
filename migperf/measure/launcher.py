"""The worker's side of the warm helper: starts it, asks it for children, and starts it again if it died."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Self

from migperf.errors import MigperfError
from migperf.measure.helper import MAX_PACKET, WARM, Born, Died

CLOSE_TIMEOUT_S = 5.0
WAIT_STEP_S = 0.5


class HelperDiedError(MigperfError):
    """The warm helper ended while it had a child of ours; the child is dead as well."""


@dataclass(slots=True)
class Child:
    """A child that was forked for one run, seen from its supervisor."""

    pid: int
    events: Connection
    fate: socket.socket

    def died(self) -> Died | None:
        """Wait for the end of the child and return it; None if the helper died and so nobody knows."""
        line = _read_line(self.fate)
        return Died.model_validate_json(line) if line else None

    def close(self) -> None:
        """Let go of the descriptors."""
        self.events.close()
        self.fate.close()


class Launcher:
    """Keeps one warm helper and forks children from it. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def __enter__(self) -> Self:
        with self._lock:
            self._ensure_helper()
        return self

    def wait_until_warm(self) -> None:
        """Wait until the helper has imported what it must. Raises HelperDiedError if it cannot."""
        with self._lock:
            if self._ensure_helper().recv(MAX_PACKET) != WARM:
                raise HelperDiedError("the warm helper does not start; what it wrote to the log says why")

    def __exit__(self, *_: object) -> None:
        self.close()

    def launch(self, log: Path, still_wanted: Callable[[], bool]) -> Child | None:
        """Fork a child whose output goes to ``log``.

        A helper that is not warm yet takes its time: ``still_wanted`` is asked every half second, and None is returned
        when it says no. Raises HelperDiedError if the helper dies.
        """
        with log.open("ab") as log_file, _pair() as (events, child_events), _pair() as (fate, helper_fate):
            self._request((log_file.fileno(), child_events.fileno(), helper_fate.fileno()))
            child_events.close()
            helper_fate.close()
            while not wait([fate], timeout=WAIT_STEP_S):
                if not still_wanted():
                    return None
            line = _read_line(fate)
            if not line:
                raise HelperDiedError("the warm helper died before it forked; the worker's log has its last words")
            return Child(Born.model_validate_json(line).pid, Connection(events.detach()), fate.dup())

    def close(self) -> None:
        """Close the helper's socket, upon which it kills its children and ends."""
        with self._lock:
            if self._process is None or self._control is None:
                return
            self._control.close()
            try:
                self._process.wait(CLOSE_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = self._control = None

    def _request(self, descriptors: tuple[int, int, int]) -> None:
        with self._lock:
            try:
                socket.send_fds(self._ensure_helper(), [b"fork"], descriptors)
            except OSError:
                # The helper died since the last request (killed, out of memory): a new one serves as well.
                self._forget_helper()
                socket.send_fds(self._ensure_helper(), [b"fork"], descriptors)

    def _ensure_helper(self) -> socket.socket:
        if self._process is not None and self._process.poll() is not None:
            self._forget_helper()
        if self._control is None:
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            command = [sys.executable, "-P", "-m", "migperf.measure.helper", str(theirs.fileno())]
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 - our own module
                    command, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, env=_helper_environment()
                )
        return self._control

    def _forget_helper(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._control = None


def _helper_environment() -> dict[str, str]:
    """The helper's variables: ours, and torch's count of devices by NVML, which leaves CUDA uninitialised."""
    return {**os.environ, "PYTORCH_NVML_BASED_CUDA_CHECK": "1"}


@contextmanager
def _pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def _read_line(fate: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        byte = fate.recv(1)
        if not byte:
            return b""
        line += byte
    return line
