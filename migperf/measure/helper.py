"""The warm helper: a small process that has torch imported, CUDA untouched, and forks a child for every run.

It serves one worker over a socket and dies with it: when the socket closes it kills every child and ends. Each request
is one packet with three descriptors: the child's log, its event pipe, and a socket for the child's fate (``Born``
when it is forked, ``Died`` when it has ended). Before it takes requests it says once what it is (``Software``), since
it may be of another software environment than its worker. The helper is single-threaded and never runs a torch
operation, so forking it is safe.
"""

import ctypes
import gc
import os
import resource
import selectors
import signal
import socket
import sys
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal, NoReturn

from pydantic import BaseModel, ConfigDict

from migperf.measure.software import Software, read_software
from migperf.preemption import take_turns_as_usual

MAX_PACKET = 4096
_PR_SET_PDEATHSIG = 1


class Born(BaseModel):
    """The child was forked."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["born"] = "born"
    pid: int


class Died(BaseModel):
    """The child has ended: its exit code (negative: the signal), its peak resident set, its processor time."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["died"] = "died"
    exit_code: int
    peak_rss_mib: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class _Child:
    pid: int
    fate: socket.socket


class Helper:
    """Forks children on request and reports how they end."""

    def __init__(self, control: socket.socket, software: Software) -> None:
        self._control = control
        self._software = software
        self._children: dict[int, _Child] = {}
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = socket.socketpair()

    def serve(self) -> None:
        """Serve until the worker closes its end, then kill every child."""
        self._watch_children()
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        open_for_requests = self._announce()
        while open_for_requests:
            ready = {key.fileobj for key, _ in self._selector.select()}
            if self._wake_read in ready:
                self._wake_read.recv(MAX_PACKET)
                self._reap()
            if self._control in ready:
                open_for_requests = self._take_request()
        signal.set_wakeup_fd(-1)
        for pid in self._children:
            _kill_group(pid)

    def _announce(self) -> bool:
        """Say that requests are welcome, and what serves them; False when the worker has gone already."""
        try:
            self._control.send(self._software.model_dump_json().encode())
        except OSError:
            return False
        return True

    def _watch_children(self) -> None:
        self._wake_write.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_write.fileno(), warn_on_full_buffer=False)

    def _take_request(self) -> bool:
        try:
            packet, descriptors, _, _ = socket.recv_fds(self._control, MAX_PACKET, 3)
        except OSError:
            return False
        if not packet:
            return False
        log, events, fate_fd = descriptors
        fate = socket.socket(fileno=fate_fd)
        helper_pid = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_child(helper_pid, log, events, fate)
        os.close(log)
        os.close(events)
        self._children[pid] = _Child(pid, fate)
        _tell(fate, Born(pid=pid))
        return True

    def _become_child(self, helper_pid: int, log: int, events: int, fate: socket.socket) -> NoReturn:
        """Turn the forked copy into a child of its own."""
        status = 1
        try:
            self._leave_helper(fate)
            _isolate(log, helper_pid)
            from migperf.measure import child

            status = child.main(Connection(events))
        except BaseException:  # noqa: BLE001 - the process ends here; the log must say why
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _leave_helper(self, fate: socket.socket) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._selector.close()
        for end in (self._control, self._wake_read, self._wake_write, fate, *(c.fate for c in self._children.values())):
            end.close()

    def _reap(self) -> None:
        while self._children:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                return
            # Still a zombie, so its process group cannot be somebody else's yet.
            _kill_group(ended.si_pid)
            _, status, usage = os.wait4(ended.si_pid, 0)
            child = self._children.pop(ended.si_pid)
            _tell(child.fate, _died(status, usage))
            child.fate.close()


def _died(status: int, usage: resource.struct_rusage) -> Died:
    return Died(
        exit_code=os.waitstatus_to_exitcode(status),
        peak_rss_mib=usage.ru_maxrss / 1024,
        cpu_s=usage.ru_utime + usage.ru_stime,
    )


def _tell(fate: socket.socket, news: Born | Died) -> None:
    try:
        fate.sendall(news.model_dump_json().encode() + b"\n")
    except OSError:
        # The supervisor has gone; its child is killed when the control socket closes, which follows.
        fate.close()


def _kill_group(pid: int) -> None:
    """Kill what is left of the session that the child led, its own descendants included."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _isolate(log: int, helper_pid: int) -> None:
    """Give the child a session of its own, its log, death with its helper, and the first place if memory runs out."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    take_turns_as_usual()
    os.setsid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != helper_pid:
        raise RuntimeError("the helper died while it forked")
    Path("/proc/self/oom_score_adj").write_text("1000")
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    gc.unfreeze()


def main() -> None:
    """Serve on the socket whose descriptor is the only argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    import torch  # noqa: F401 - imported here so that no child has to

    import migperf.measure.child
    import migperf.measure.engines.preparing  # noqa: F401
    import workloads.registry

    workloads.registry.catalogue()
    software = read_software()
    gc.collect()
    gc.freeze()
    Helper(socket.socket(fileno=int(sys.argv[1])), software).serve()


if __name__ == "__main__":
    main()
