"""Ending what lives in a daemon's folders: daemons and servers whose keeper has died."""

import contextlib
import shutil
from pathlib import Path

import psutil

from migperf.gpus.mps.control import MpsControl, MpsError, MpsFolders

QUIT_S = 5.0
"""Time for a daemon and its servers to end when asked."""
KILL_S = 5.0
PREFIX = "nvidia-cuda-mps"
"""The names of control daemon and server begin so."""


def end_leftovers(control: MpsControl) -> int:
    """End the daemon and servers of these folders, kindly and then not, and return how many processes there were.

    Raises MpsError if some of them cannot be ended.
    """
    left = processes_in(control.folders, control.program)
    if left:
        end(left, grace_s=quit_daemon(control))
    shutil.rmtree(control.folders.root, ignore_errors=True)
    return len(left)


def quit_daemon(control: MpsControl) -> float:
    """Ask the daemon to quit and return how long to wait for its end, s: not at all for one that does not answer."""
    try:
        control.ask("quit", QUIT_S)
    except MpsError:
        return 0.0
    return QUIT_S


def end(processes: list[psutil.Process], grace_s: float) -> None:
    """Kill what has not ended by itself after ``grace_s``. Raises MpsError if something cannot be killed."""
    _, alive = psutil.wait_procs(processes, timeout=grace_s)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _, alive = psutil.wait_procs(alive, timeout=KILL_S)
    if alive:
        pids = ", ".join(str(process.pid) for process in alive)
        raise MpsError(f"processes {pids} of an MPS daemon cannot be killed; look for a GPU that hangs (dmesg)")


def processes_in(folders: MpsFolders, program: str) -> list[psutil.Process]:
    """Return the daemons and servers that were started with these folders."""
    return [process for process in psutil.process_iter() if _lives_in(process, folders, Path(program).name)]


def _lives_in(process: psutil.Process, folders: MpsFolders, program: str) -> bool:
    try:
        with process.oneshot():
            names = [Path(part).name for part in process.cmdline()[:2]]
            if not any(name.startswith(PREFIX) or name == program for name in names):
                return False
            return process.environ().get("CUDA_MPS_PIPE_DIRECTORY") == str(folders.pipe)
    except psutil.Error:
        return False
