"""The processes of a host share its simulated GPUs through a file: none sees half a change, none loses one."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from migperf.errors import ConfigurationError
from migperf.gpus.nvml_errors import NvmlNotFoundError, NvmlTimeoutError
from migperf.gpus.simulation import stores
from migperf.gpus.simulation.driver import SimulatedDriver, open_file
from migperf.gpus.simulation.state import XIDS_KEPT
from migperf.gpus.simulation.stores import FileStore, MemoryStore
from tests.gpus.simulation.hosts import cut, fill, mig_device, turn_on

CREATE_UNTIL_FULL = """
import sys
from pathlib import Path
from migperf.gpus.nvml_errors import NvmlInsufficientResourcesError
from migperf.gpus.simulation.driver import open_file

driver = open_file(Path(sys.argv[1]), ["h100-80gb"], "host")
gpu = driver.device_by_index(0)
print("ready", flush=True)
sys.stdin.readline()
created = 0
try:
    while True:
        driver.create_gpu_instance(gpu, 19)
        created += 1
except NvmlInsufficientResourcesError:
    print(created)
"""

CHANGE_FOR_EVER = """
import sys
from pathlib import Path
from migperf.gpus.simulation.driver import open_file

driver = open_file(Path(sys.argv[1]), ["h100-80gb"], "host")
gpu = driver.device_by_index(0)
while True:
    instances = [driver.create_gpu_instance(gpu, 19) for _ in range(7)]
    print("changing", flush=True)
    for instance in instances:
        driver.destroy_gpu_instance(instance)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "simulated.json"


def opened(path: Path, *boards: str) -> SimulatedDriver:
    return open_file(path, boards or ["h100-80gb"], "host")


@contextmanager
def script(code: str, path: Path) -> "Iterator[subprocess.Popen[str]]":
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_two_drivers_on_one_file_see_each_others_changes(path: Path):
    one, two = opened(path), opened(path)
    gpu = one.device_by_index(0)
    with two.mig_changes() as changes:
        turn_on(one, gpu)
        assert changes.wait(0)
    device = mig_device(one, gpu, "1g.10gb")
    assert two.device_by_uuid(one.uuid(device)) == device
    two.add_process(1, "python", two.uuid(device), 1024)
    assert one.memory(device).used == 1024


def test_the_state_outlives_the_driver(path: Path):
    driver = opened(path)
    gpu = driver.device_by_index(0)
    turn_on(driver, gpu)
    uuid = driver.uuid(mig_device(driver, gpu, "1g.10gb"))
    boot = driver.boot_id()
    driver.close()
    again = opened(path)
    assert again.uuid(again.device_by_uuid(uuid)) == uuid
    assert again.boot_id() == boot


def test_processes_that_create_at_once_share_the_gpu_without_overlap(path: Path):
    driver = opened(path)
    gpu = driver.device_by_index(0)
    turn_on(driver, gpu)
    with script(CREATE_UNTIL_FULL, path) as one, script(CREATE_UNTIL_FULL, path) as two:
        for process in (one, two):
            assert process.stdout.readline() == "ready\n"
        for process in (one, two):
            process.stdin.write("go\n")
            process.stdin.flush()
        created = [int(process.stdout.readline()) for process in (one, two)]
    infos = [driver.gpu_instance_info(instance) for instance in driver.gpu_instances(gpu, 19)]
    assert sum(created) == len(infos) == 7
    assert {info.placement.start for info in infos} == set(range(7))
    assert {info.id for info in infos} == set(range(7, 14))


def test_a_process_that_is_killed_while_it_writes_leaves_a_whole_file(path: Path):
    """Nor does one that reads while another writes ever see half a file."""
    driver = opened(path)
    turn_on(driver, driver.device_by_index(0))
    for delay_s in (0.0, 0.05, 0.103):
        with script(CHANGE_FOR_EVER, path) as process:
            assert process.stdout.readline() == "changing\n"
            deadline = time.monotonic() + delay_s
            while time.monotonic() < deadline:
                driver.boot_id()
            process.kill()
            process.wait()
        again = opened(path)
        again.reset(again.device_by_index(0))
        assert again.gpu_instance_capacity(again.device_by_index(0), 19) == 7


def test_a_change_that_could_not_be_finished_has_not_happened(path: Path, monkeypatch: pytest.MonkeyPatch):
    """The disk is full, say, just before the new state takes the place of the old."""
    driver = opened(path)
    gpu = driver.device_by_index(0)

    def fail(*_):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="no space"):
            turn_on(driver, gpu)
    assert not driver.mig_mode(gpu).current
    assert not opened(path).mig_mode(gpu).current


def test_what_a_killed_process_had_begun_to_write_is_ignored(path: Path):
    uuid = opened(path).uuid(opened(path).device_by_index(0))
    path.with_name(f"{path.name}.new").write_text('{"format": 1, "ho')
    driver = opened(path)
    turn_on(driver, driver.device_by_index(0))
    assert driver.uuid(driver.device_by_index(0)) == uuid


def test_a_change_that_is_refused_is_not_written(path: Path):
    driver = opened(path)
    turn_on(driver, driver.device_by_index(0))
    before = path.read_bytes()
    store = FileStore(path, ["h100-80gb"], "host")
    with pytest.raises(ZeroDivisionError):
        store.change(lambda host: (host, 1 // 0))
    assert path.read_bytes() == before


def test_boards_that_stay_keep_their_layout_when_others_come_and_go(path: Path, caplog: pytest.LogCaptureFixture):
    driver = opened(path, "h100-80gb", "a100-40gb")
    stays, goes = driver.device_by_index(0), driver.device_by_index(1)
    turn_on(driver, stays)
    uuid = driver.uuid(mig_device(driver, stays, "1g.10gb"))
    driver.add_process(1, "python", driver.uuid(goes), 0)
    driver.add_process(2, "python", uuid, 0)
    with caplog.at_level(logging.WARNING):
        now = opened(path, "h100-80gb", "t4-16gb", "a30-24gb")
    assert "h100-80gb, a100-40gb" in caplog.text
    assert [now.name(now.device_by_index(index)) for index in range(3)] == [
        "NVIDIA H100 80GB HBM3",
        "Tesla T4",
        "NVIDIA A30",
    ]
    assert now.device_by_uuid(uuid)
    assert now.process_name(2) == "python"
    with pytest.raises(NvmlNotFoundError):
        now.process_name(1)


def test_a_file_of_another_host_is_begun_anew(path: Path, caplog: pytest.LogCaptureFixture):
    """A copied data folder must not give two hosts GPUs of the same UUIDs."""
    first = opened(path)
    uuid = first.uuid(first.device_by_index(0))
    with caplog.at_level(logging.WARNING):
        copy = open_file(path, ["h100-80gb"], "another")
    assert "another" in caplog.text
    assert copy.uuid(copy.device_by_index(0)) != uuid


@pytest.mark.parametrize("content", ["", '{"format": 1, "ho', '{"format": 2, "host": {"identity": "host"}}', "[]"])
def test_a_damaged_file_is_named_with_the_remedy(path: Path, content: str):
    opened(path)
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"simulated\.json .*delete it"):
        opened(path)
    path.unlink()
    opened(path)


def test_a_file_that_is_deleted_meanwhile_is_made_anew(path: Path):
    driver = opened(path)
    uuid = driver.uuid(driver.device_by_index(0))
    path.unlink()
    assert driver.uuid(driver.device_by_index(0)) == uuid
    turn_on(driver, driver.device_by_index(0))
    assert opened(path).mig_mode(driver.device_by_index(0)).current


def test_a_lock_that_is_never_released_is_a_timeout(path: Path, monkeypatch: pytest.MonkeyPatch):
    driver = opened(path)
    monkeypatch.setattr(stores, "LOCK_TIMEOUT_S", 0.05)
    with FileLock(f"{path}.lock"), pytest.raises(NvmlTimeoutError, match=r"simulated\.json"):
        driver.reboot()


def test_unknown_boards_are_refused_by_both_stores(path: Path):
    for refused in (lambda: FileStore(path, ["a100"], "host"), lambda: MemoryStore(["a100"])):
        with pytest.raises(ConfigurationError, match="a100"):
            refused()
    assert not path.exists()


def test_a_uuid_is_not_given_again_when_a_board_comes_back(path: Path):
    driver = opened(path)
    turn_on(driver, driver.device_by_index(0))
    uuid = driver.uuid(mig_device(driver, driver.device_by_index(0), "1g.10gb"))
    opened(path, "t4-16gb")
    back = opened(path)
    gpu = back.device_by_index(0)
    turn_on(back, gpu)
    compute = fill(back, cut(back, gpu, "1g.10gb"))
    assert back.uuid(back.compute_instance_info(compute).device) != uuid


def test_an_error_that_one_process_reports_another_one_is_told_of(tmp_path: Path):
    """As many as are kept: a file does not grow with a storm of them."""
    reporter, listener = (open_file(tmp_path / "host.json", ["t4-16gb"], "host") for _ in range(2))
    gpu = listener.device_by_index(0)
    with listener.xid_events(gpu) as events:
        reporter.report_xid(reporter.uuid(gpu), 79)
        assert [event.xid for event in events.poll()] == [79]
        for xid in range(1000):
            reporter.report_xid(reporter.uuid(gpu), xid)
        assert [event.xid for event in events.poll()] == list(range(1000 - XIDS_KEPT, 1000))
        assert events.poll() == ()
    with pytest.raises(NvmlNotFoundError):
        reporter.report_xid("GPU-nobody", 79)
