"""The process tree of ``migperf up``: starts the service, starts again what dies, and stops it all in order."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from migperf.preemption import give_way

STOP_GRACE_S = 20.0
HEALTHY_AFTER_S = 30.0
LONGEST_PAUSE_S = 30.0
_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class ServiceProcess:
    """One process of the service: how to start it, where it logs, and how often it has died lately."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    deaths: int = 0
    started_s: float = 0.0
    not_before_s: float = 0.0
    running: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        """Start it, its output appended to its log. It gets SIGTERM should this process die."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(  # noqa: S603 - our own command
                list(self.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - this process has no threads
            )
        self.started_s = time.monotonic()

    def died(self) -> int | None:
        """Return its exit status if it has ended by itself."""
        return None if self.running is None else self.running.poll()

    def plan_restart(self) -> float:
        """Return after how many seconds it is started again: at once, then later and later while it keeps dying."""
        now_s = time.monotonic()
        self.deaths = 1 if now_s - self.started_s > HEALTHY_AFTER_S else self.deaths + 1
        pause_s = 0.0 if self.deaths == 1 else min(LONGEST_PAUSE_S, 2.0 ** (self.deaths - 2))
        self.not_before_s = now_s + pause_s
        self.running = None
        return pause_s

    def stop(self, grace_s: float) -> None:
        """Ask it to end, and kill it if it has not after the grace."""
        if self.running is None:
            return
        self.running.terminate()
        try:
            self.running.wait(grace_s)
        except subprocess.TimeoutExpired:
            self.running.kill()
            self.running.wait()
        self.running = None

    def log_tail(self, lines: int = 15) -> str:
        """Return the last lines that it wrote."""
        text = self.log.read_text(errors="replace") if self.log.is_file() else ""
        return "\n".join(text.splitlines()[-lines:])


def keep_running(processes: Sequence[ServiceProcess], say: Callable[[str], None]) -> None:
    """Start what is not running and is due; say what died."""
    for process in processes:
        if (status := process.died()) is not None:
            pause_s = process.plan_restart()
            when = f"in {pause_s:g} s" if pause_s else "now"
            say(f"{process.name} ended with status {status}; starting it again {when}. Its log: {process.log}")
        if process.running is None and time.monotonic() >= process.not_before_s:
            process.start()


def stop_all(processes: Sequence[ServiceProcess]) -> None:
    """Stop them in the order given, so that the worker hands back its runs while the rest still stands."""
    for process in processes:
        process.stop(STOP_GRACE_S)


def migperf_command(*arguments: str) -> list[str]:
    """Return the command line of another migperf process of this installation.

    Without the present folder on the path: a clone of ours that lies in it would be taken for the package.
    """
    return [sys.executable, "-P", "-m", "migperf", *arguments]


def die_with_parent() -> None:
    """Die with the process that started us, and stay out of the way of what is measured on this host."""
    give_way()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
