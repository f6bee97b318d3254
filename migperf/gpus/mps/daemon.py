"""A device's control daemon as the worker has it, through the keeper process that starts and stops it."""

import contextlib
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any, Self

from migperf.gpus.mps.control import MpsControl, MpsError, MpsFolders
from migperf.gpus.mps.keeper import LOCK_S, START_S
from migperf.gpus.mps.leftovers import KILL_S, QUIT_S, end_leftovers
from migperf.gpus.mps.limits import MpsLimits, StaticPartition
from migperf.gpus.mps.static import SERVER_S

ANSWER_S = LOCK_S + QUIT_S + KILL_S + 2 * START_S + 2 * SERVER_S
"""A keeper says within this time what has come of its daemon, whatever that does."""
STOP_S = 4 * (QUIT_S + KILL_S)


class MpsDaemon:
    """The control daemon of one GPU or MIG device (by UUID). Runs while it is entered; use once."""

    def __init__(self, device: str, base: Path, *, program: str, limits: MpsLimits) -> None:
        self.device, self.limits = device, limits
        self.folders = MpsFolders.of(base, device)
        self.version: int | None = None
        """Version of the control program, such as 13010; None where it does not tell."""
        self.partitions: tuple[StaticPartition, ...] = ()
        """The static partitions, one a share; empty without them."""
        self._control = MpsControl(program, self.folders, device)
        self._keeper: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._lost: str | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it answers; one that a dead worker has left there is stopped. Raises MpsError."""
        command = [sys.executable, "-P", "-m", "migperf.gpus.mps.keeper"]
        place = [self._control.program, str(self.folders.root), self.device, self.limits.dumps()]
        self._keeper = subprocess.Popen(  # noqa: S603 - our own module
            [*command, *place], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        try:
            told = self._hear(ANSWER_S)
            if "ready" not in told:
                raise MpsError(str(told.get("failed", "its keeper ended without a word; the worker's log may say why")))
        except BaseException:
            self.stop()
            raise
        self.version = told["ready"]["version"]
        self.partitions = tuple(StaticPartition(**one) for one in told["ready"]["partitions"])

    def problem(self) -> str | None:
        """Say what has become of it if it does not run any more; None while it does.

        Clients that find no daemon run without limits, and do not say so: whoever counts on it asks afterwards.
        """
        with self._lock:
            if self._lost is None and (keeper := self._keeper) is not None:
                self._lost = self._hear(0.0).get("lost")
                if self._lost is None and keeper.poll() is not None:
                    self._lost = f"the keeper of the MPS daemon of {self.device} ended with status {keeper.returncode}"
            return self._lost

    def ask(self, command: str) -> str:
        """Give it a command and return its answer. Raises MpsError."""
        return self._control.ask(command)

    def stop(self) -> None:
        """Stop it and everything that it has started, and remove its folders. Raises MpsError if that cannot be."""
        if self._keeper is None:
            return
        keeper, self._keeper = self._keeper, None
        with contextlib.suppress(BrokenPipeError):
            _open(keeper.stdin).close()
        try:
            keeper.wait(STOP_S)
        except subprocess.TimeoutExpired:
            keeper.kill()
            keeper.wait()
        _open(keeper.stdout).close()
        if keeper.returncode < 0:  # it was killed, and could not clear up after itself
            end_leftovers(self._control)

    def _hear(self, timeout_s: float) -> dict[str, Any]:
        """Return the keeper's next line; empty where there is none within the time, or no keeper any more."""
        if self._keeper is None:
            return {}
        with selectors.DefaultSelector() as selector:
            pipe = _open(self._keeper.stdout)
            selector.register(pipe, selectors.EVENT_READ)
            line, until = b"", time.monotonic() + timeout_s
            while selector.select(max(0.0, until - time.monotonic())):
                piece = os.read(pipe.fileno(), 65536)
                line += piece
                if not piece or line.endswith(b"\n"):
                    break
        return json.loads(line) if line.endswith(b"\n") else {}


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise MpsError("a keeper without a pipe to it")
    return pipe
