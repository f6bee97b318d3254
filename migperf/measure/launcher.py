"""The worker's side of the warm helper: starts it, asks it for children, and starts it again if it died."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Self

from migperf.measure.helper import Born, Died
from migperf.measure.helper_process import HelperDiedError, HelperProcess, UnfitHelperError
from migperf.measure.software import OfferedEnvironment
from migperf.software_environment import SoftwareEnvironment

WAIT_STEP_S = 0.5


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

    def __init__(self, environment: SoftwareEnvironment | None = None) -> None:
        """``environment`` is what the helper is started with; None: what this process was started with."""
        self._environment = environment or SoftwareEnvironment()
        self._lock = threading.Lock()
        self._helper: HelperProcess | None = None
        self._offer = OfferedEnvironment(problem="its helper has not been started")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def offer(self) -> OfferedEnvironment:
        """What the last helper was found to be, or why it cannot be used."""
        return self._offer

    def start(self) -> None:
        """Start the helper, without waiting for it. Raises UnfitHelperError if it cannot be started."""
        with self._lock:
            self._ensure_helper()

    def wait_until_warm(self, within_s: float | None = None) -> None:
        """Wait until the helper has imported what it must, ``within_s`` seconds at most.

        Raises HelperDiedError if it ends instead, and UnfitHelperError if it cannot be used.
        """
        with self._lock:
            helper = self._ensure_helper()
        self._learn(helper, within_s)

    def launch(self, log: Path, still_wanted: Callable[[], bool]) -> Child | None:
        """Fork a child whose output goes to ``log``.

        A helper that is not warm yet takes its time: ``still_wanted`` is asked every half second, and None is returned
        when it says no. Raises HelperDiedError if the helper dies, and UnfitHelperError if it cannot be used.
        """
        with log.open("ab") as log_file, _pair() as (events, child_events), _pair() as (fate, helper_fate):
            helper = self._request((log_file.fileno(), child_events.fileno(), helper_fate.fileno()))
            child_events.close()
            helper_fate.close()
            while not wait([fate], timeout=WAIT_STEP_S):
                if not still_wanted():
                    return None
            line = _read_line(fate)
            self._learn(helper)  # it has spoken, or ended: this does not wait
            if not line:
                raise HelperDiedError(f"the warm helper died before it forked: {helper.last_words() or 'no word'}")
            return Child(Born.model_validate_json(line).pid, Connection(events.detach()), fate.dup())

    def close(self) -> None:
        """Close the helper's socket, upon which it kills its children and ends."""
        with self._lock:
            if self._helper is not None:
                self._helper.close()
                self._helper = None

    def _request(self, descriptors: tuple[int, int, int]) -> HelperProcess:
        with self._lock:
            helper = self._ensure_helper()
            try:
                helper.fork(descriptors)
            except OSError:
                # It died since the last request (killed, out of memory): a new one serves as well.
                helper.kill()
                helper = self._ensure_helper()
                helper.fork(descriptors)
            return helper

    def _ensure_helper(self) -> HelperProcess:
        if self._helper is None or self._helper.ended:
            self._forget_helper()
            try:
                self._helper = HelperProcess(self._environment)
            except UnfitHelperError as error:
                self._offer = OfferedEnvironment(problem=str(error))
                raise
        return self._helper

    def _forget_helper(self) -> None:
        if self._helper is not None:
            self._helper.kill()
            self._helper = None

    def _learn(self, helper: HelperProcess, within_s: float | None = None) -> None:
        """Note what the helper is, or why it cannot be used; then let go of it."""
        try:
            self._offer = OfferedEnvironment(software=helper.software(within_s))
        except (HelperDiedError, UnfitHelperError) as error:
            self._offer = OfferedEnvironment(problem=str(error))
            with self._lock:
                if self._helper is helper:
                    self._forget_helper()
            raise


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
