"""The keeper of one control daemon: a small process of the worker's that starts it and outlives neither of them.

    python -m migperf.gpus.mps.keeper PROGRAM FOLDER DEVICE LIMITS

Prints one line of JSON when the daemon answers (``ready``) or cannot be had (``failed``), and another if it ends
unasked (``lost``). Stops the daemon, and everything that it has started, when its standard input ends: that is how a
worker asks for it, and what happens when a worker dies.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import psutil

from migperf.gpus.mps.control import MpsControl, MpsError, MpsFolders
from migperf.gpus.mps.leftovers import end, end_leftovers, quit_daemon
from migperf.gpus.mps.limits import MpsLimits, StaticPartition
from migperf.gpus.mps.static import divide_statically, require_version
from migperf.preemption import take_turns_as_usual

START_S = 10.0
"""A daemon that does not answer by then is not going to."""
LOCK_S = 15.0
"""For so long a keeper whose worker has died may still be stopping its daemon."""
POLL_S = 0.05
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_libc = ctypes.CDLL(None, use_errno=True)


def main() -> int:
    """Keep a daemon until standard input ends. Exit status 1 if it could not be started, or ended unasked."""
    program, folder, device, limits = sys.argv[1:]
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_IGN)
    # What the daemon leaves behind when it ends becomes this process's, which can then end it as well.
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    control = MpsControl(program, MpsFolders(Path(folder)), device)
    try:
        with _alone(control.folders):
            return keep(control, MpsLimits.loads(limits))
    except MpsError as error:
        _say(failed=str(error))
        return 1


def keep(control: MpsControl, limits: MpsLimits) -> int:
    """Start, serve, stop. Raises MpsError if the daemon does not start."""
    version = control.version()
    if limits.static_shares is not None:
        require_version(version)
    end_leftovers(control)
    control.folders.make()
    try:
        daemon = _start(control, static=limits.static_shares is not None)
        partitions = _set_up(control, daemon, limits)
        _say(ready={"version": version, "partitions": [asdict(one) for one in partitions], "pid": daemon.pid})
        if (lost := _serve(control, daemon)) is not None:
            _say(lost=lost)
        return 0 if lost is None else 1
    finally:
        stop(control)


def _start(control: MpsControl, *, static: bool) -> "subprocess.Popen[bytes]":
    with control.folders.console.open("ab") as console:
        return subprocess.Popen(  # noqa: S603 - the program that the settings name
            [control.program, "-f", *(["-S"] if static else [])],
            env=control.environment(),
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            start_new_session=True,
            preexec_fn=_become_daemon,  # noqa: PLW1509 - this process has one thread
        )


def _become_daemon() -> None:
    """Die with the keeper, whose one thread is the parent that the kernel watches; be scheduled like any program."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    take_turns_as_usual()
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _set_up(control: MpsControl, daemon: "subprocess.Popen[bytes]", limits: MpsLimits) -> tuple[StaticPartition, ...]:
    _await_answer(control, daemon)
    if limits.thread_pct is not None:
        control.ask(f"set_default_active_thread_percentage {limits.thread_pct}")
        _require_default(control, limits.thread_pct)
    if limits.memory_limit_mib is not None:
        control.ask(f"set_default_device_pinned_mem_limit 0 {limits.memory_limit_mib}M")
    return () if limits.static_shares is None else divide_statically(control, limits.static_shares)


def _await_answer(control: MpsControl, daemon: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_S
    while True:
        try:
            control.ask("get_server_list", max(POLL_S, until - time.monotonic()))
        except MpsError as error:
            if daemon.poll() is not None:
                raise _did_not_start(control, f"it ended with status {daemon.returncode}") from error
            if time.monotonic() >= until:
                raise _did_not_start(control, f"it did not answer within {START_S:g} s") from error
            time.sleep(POLL_S)
        else:
            return


def _did_not_start(control: MpsControl, why: str) -> MpsError:
    words = control.folders.last_words()
    return MpsError(
        f"the MPS daemon of {control.device} does not start: {why}; its logs: {words or 'empty'}\n"
        "Another daemon on the device, a driver without MPS, or missing rights in a container are usual causes"
    )


def _require_default(control: MpsControl, thread_pct: int) -> None:
    """Check that the daemon has taken the limit: a run without it would be measured as if it had one."""
    told = control.ask("get_default_active_thread_percentage")
    with contextlib.suppress(ValueError):
        if round(float(told.split()[-1] if told else "")) == thread_pct:
            return
    raise MpsError(f"the MPS daemon of {control.device} was to limit clients to {thread_pct} %, and says {told!r}")


def _serve(control: MpsControl, daemon: "subprocess.Popen[bytes]") -> str | None:
    """Wait until standard input ends, and return None; or the daemon does, and return how."""
    pidfd = os.pidfd_open(daemon.pid)
    try:
        ready, _, _ = select.select([sys.stdin, pidfd], [], [])
    finally:
        os.close(pidfd)
    if sys.stdin in ready:
        return None
    status = daemon.wait()
    return f"the MPS daemon of {control.device} ended with status {status}: {control.folders.last_words()}"


def stop(control: MpsControl) -> None:
    """Ask the daemon to quit, then kill what is left of it and its servers, and remove its folders."""
    grace_s = quit_daemon(control)
    end(psutil.Process().children(recursive=True), grace_s)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    end_leftovers(control)


@contextlib.contextmanager
def _alone(folders: MpsFolders) -> Iterator[None]:
    """Be the only keeper of these folders. Raises MpsError if another goes on keeping them."""
    folders.make()
    with folders.lock.open("a") as lock:
        until = time.monotonic() + LOCK_S
        while not _locked(lock.fileno()):
            if time.monotonic() >= until:
                raise MpsError(f"another worker of this host keeps the MPS daemon in {folders.root}; stop that worker")
            time.sleep(POLL_S)
        yield


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _say(**news: object) -> None:
    # A worker that has died hears nothing any more, and its daemon is stopped all the same.
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(news) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
