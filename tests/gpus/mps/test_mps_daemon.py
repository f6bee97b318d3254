"""A device's MPS daemon: started with its limits, stopped with all that it started, whatever happens meanwhile."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from migperf.gpus.mps.control import LONGEST_PIPE_PATH, MpsError, MpsFolders
from migperf.gpus.mps.daemon import MpsDaemon
from migperf.gpus.mps.limits import MpsLimits
from tests.gpus.mps.host import GPU, MIG, PROGRAM, MpsHost


def within(seconds: float, true: Callable[[], object]) -> bool:
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def test_a_daemon_is_bound_to_its_device_and_has_folders_of_its_own(
    host: MpsHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_MPS_PIPE_DIRECTORY", "/somebody/elses")
    monkeypatch.setenv("CUDA_MPS_PROTOCOL_VERSION", "3")
    with host.daemon() as daemon:
        (started,) = host.events("started")
        environment = started["environment"]
        assert started["argv"] == ["-f"]
        assert environment["CUDA_VISIBLE_DEVICES"] == GPU
        assert environment["CUDA_MPS_PIPE_DIRECTORY"] == str(daemon.folders.pipe)
        assert environment["CUDA_MPS_LOG_DIRECTORY"] == str(daemon.folders.log)
        assert "CUDA_MPS_PROTOCOL_VERSION" not in environment, "what was meant for another daemon"
        for folder in (daemon.folders.root, daemon.folders.pipe, daemon.folders.log):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert daemon.version == 13010
        assert daemon.problem() is None
        assert len(host.living()) == 1
    assert host.events("ended"), "it was asked to quit, not killed"
    assert not daemon.folders.root.exists()


def test_limits_are_the_daemons_defaults(host: MpsHost) -> None:
    with host.daemon(thread_pct=25, memory_limit_mib=2048):
        commands = host.commands()
    assert "set_default_active_thread_percentage 25" in commands
    assert "set_default_device_pinned_mem_limit 0 2048M" in commands


def test_a_daemon_that_does_not_take_a_limit_is_not_used(host: MpsHost) -> None:
    host.set(fault="deaf_to_limits")
    with pytest.raises(MpsError, match="was to limit clients to 25 %"):
        host.daemon(thread_pct=25).start()


def test_each_mig_device_has_a_daemon_of_its_own(host: MpsHost) -> None:
    with host.daemon(GPU) as one, host.daemon(MIG) as other:
        assert one.folders.pipe != other.folders.pipe
        assert [len(host.living(device)) for device in (GPU, MIG)] == [1, 1]
        one.stop()
        assert [len(host.living(device)) for device in (GPU, MIG)] == [0, 1]
        assert other.problem() is None


def test_a_daemon_that_refuses_to_start_is_an_error_with_its_log(host: MpsHost) -> None:
    host.set(fault="refuse")
    daemon = host.daemon()
    with pytest.raises(MpsError, match=r"(?s)does not start.*status 1.*another MPS daemon is running"):
        daemon.start()
    assert not daemon.folders.root.exists()


def test_a_daemon_that_never_answers_is_an_error(host: MpsHost) -> None:
    host.set(fault="mute")
    with pytest.raises(MpsError, match=r"(?s)did not answer within.*Starting, and never done"):
        host.daemon().start()


def test_no_control_program_is_an_error_that_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(MpsError, match=r"no-such-program cannot be run.*MIGPERF_MPS_CONTROL"):
        MpsDaemon(GPU, tmp_path, program="no-such-program", limits=MpsLimits()).start()


def test_a_daemon_that_hangs_when_asked_to_quit_is_killed_with_its_servers(host: MpsHost) -> None:
    host.set(fault="hang_at_quit")
    daemon = host.daemon()
    daemon.start()
    daemon.ask(f"start_server -uid {os.getuid()}")
    assert len(host.living()) == 2
    daemon.stop()
    assert host.living() == []
    assert not daemon.folders.root.exists()


def test_a_daemon_that_dies_is_noticed_and_leaves_nothing(host: MpsHost) -> None:
    with host.daemon() as daemon:
        daemon.ask(f"start_server -uid {os.getuid()}")
        os.kill(host.events("started")[0]["pid"], signal.SIGKILL)
        assert within(20, daemon.problem)
        assert "ended with status -9" in (daemon.problem() or "")
        assert within(20, lambda: not host.living()), "its servers are ended as well"


def test_a_server_that_nothing_shows_to_be_the_daemons_is_ended_with_it(host: MpsHost) -> None:
    """It has a session of its own and none of the daemon's variables; only its descent tells."""
    host.set(fault="server_without_environment")
    with host.daemon() as daemon:
        daemon.ask(f"start_server -uid {os.getuid()}")
        server = psutil.Process(int(daemon.ask("get_server_list")))
        assert server not in host.living()
        os.kill(host.events("started")[0]["pid"], signal.SIGKILL)
        assert within(20, daemon.problem)
        ended = within(20, lambda: not server.is_running())
        if not ended:
            server.kill()
        assert ended


STARTS_AND_WAITS = """
import json, sys, time
from pathlib import Path
from migperf.gpus.mps.daemon import MpsDaemon
from migperf.gpus.mps.limits import MpsLimits
device, base, program = sys.argv[1:]
daemon = MpsDaemon(device, Path(base), program=program, limits=MpsLimits())
daemon.start()
daemon.ask("start_server -uid 0")
print(json.dumps({"keeper": daemon._keeper.pid}), flush=True)
time.sleep(600)
"""


def a_worker(host: MpsHost) -> tuple["subprocess.Popen[bytes]", int]:
    """Return a process that keeps a daemon, and the pid of its keeper."""
    command = [sys.executable, "-c", STARTS_AND_WAITS, GPU, str(host.base), PROGRAM]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert worker.stdout is not None
    return worker, json.loads(worker.stdout.readline())["keeper"]


def test_a_daemon_dies_with_its_worker(host: MpsHost) -> None:
    worker, _ = a_worker(host)
    assert len(host.living()) == 2
    worker.kill()
    worker.wait()
    assert within(30, lambda: not host.living())
    assert within(30, lambda: not MpsFolders.of(host.base, GPU).root.exists())


def test_what_a_dead_worker_and_its_keeper_left_is_stopped_by_the_next(host: MpsHost) -> None:
    worker, keeper = a_worker(host)
    psutil.Process(keeper).kill()
    worker.kill()
    worker.wait()
    left = {process.pid for process in host.living()}
    assert left, "the server lives on"
    with host.daemon() as daemon:
        assert daemon.problem() is None
        now = {process.pid for process in host.living()}
        assert len(now) == 1
        assert not now & left


def test_a_shell_with_the_daemons_folder_in_its_environment_is_no_leftover(host: MpsHost) -> None:
    folders = MpsFolders.of(host.base, GPU)
    shell = subprocess.Popen(["sleep", "600"], env={**os.environ, **folders.environment()})
    try:
        with host.daemon():
            assert shell.poll() is None
    finally:
        shell.kill()
        shell.wait()


def test_two_workers_do_not_keep_one_daemon(host: MpsHost, monkeypatch: pytest.MonkeyPatch) -> None:
    worker, _ = a_worker(host)
    try:
        with pytest.raises(MpsError, match="another worker of this host keeps"):
            host.daemon().start()
        assert len(host.living()) == 2, "the first worker's daemon was left alone"
    finally:
        worker.kill()
        worker.wait()
    assert within(30, lambda: not host.living())


def test_paths_are_short_enough_for_sockets_and_always_the_same(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 90)
    folders = MpsFolders.of(deep, GPU)
    assert len(str(folders.pipe)) <= LONGEST_PIPE_PATH
    assert folders == MpsFolders.of(deep, GPU)
    assert len({folders, MpsFolders.of(deep, MIG), MpsFolders.of(deep / "y", GPU)}) == 3


def test_folders_of_another_user_are_not_used(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can make files of another user")
    folders = MpsFolders.of(tmp_path / "mps", GPU)
    folders.root.mkdir(parents=True)
    os.chown(folders.root, 12345, 12345)
    with pytest.raises(MpsError, match="belongs to another user"):
        folders.make()
