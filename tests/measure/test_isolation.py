"""A partition that was not the run's own is found out by a look before and one after; what nobody tells is not fine."""

import time
from collections.abc import Callable
from pathlib import Path
from threading import Timer

import pytest
from filelock import FileLock

from migperf.gpus.controller import Controller
from migperf.gpus.driver import Driver
from migperf.gpus.host_cpu import cpu_partition
from migperf.gpus.inventory import discover
from migperf.gpus.layout import Layout
from migperf.gpus.nvml.backend import NvmlLibrary
from migperf.gpus.partition import Partition
from migperf.measure.hygiene import isolation
from migperf.measure.hygiene.isolation import LAYOUT, NEIGHBOURS, PROCESSES, Isolation, Report
from tests.gpus.faults import FaultyDriver
from tests.gpus.nvml.bench import Bench
from tests.gpus.nvml.fake_host import FakeHost

Start = Callable[..., Bench]
GIB = 1 << 30


@pytest.fixture(autouse=True)
def _quickly_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "SETTLE_S", 0.0)


def cut(driver: Driver, layout: str, folder: Path) -> None:
    uuid = discover(driver, offer_cpu=False).gpus[0].uuid
    Controller(driver=driver, lock=FileLock(folder / "lock")).apply(uuid, Layout.parse(layout))


def partition(driver: Driver, profile: str | None = None) -> Partition:
    found = discover(driver, offer_cpu=False).partitions
    return next(one for one in found if one.profile == profile)


@pytest.fixture(params=["off", "3g.40gb@4+2g.20gb@0"], ids=["whole", "mig"])
def placed(request: pytest.FixtureRequest, bench: Start, tmp_path: Path) -> tuple[Bench, Partition]:
    """A host with one H100, and a partition of it: all, or one of two instances."""
    started = bench("h100-80gb")
    cut(started.driver, request.param, tmp_path)
    return started, partition(started.driver, None if request.param == "off" else "3g.40gb")


def watched(driver: Driver | None, on: Partition, meanwhile: Callable[[], object]) -> Report:
    looks = Isolation(driver, on)
    assert looks.before().void is None
    meanwhile()
    return looks.after()


def test_a_partition_that_stays_as_it_was_and_that_nobody_else_uses_is_the_runs_own(
    placed: tuple[Bench, Partition],
) -> None:
    host, mine = placed
    assert watched(host.driver, mine, lambda: None) == Report()


def test_a_process_that_was_there_before_makes_the_run_void_before_it_begins(placed: tuple[Bench, Partition]) -> None:
    host, mine = placed
    host.add_process(4711, "trainer", mine.uuid, GIB)
    void = Isolation(host.driver, mine).before().void
    assert void is not None
    assert void.startswith(f"process 4711 (trainer) uses {mine.uuid}")


def test_a_process_that_appears_makes_the_run_void(placed: tuple[Bench, Partition]) -> None:
    host, mine = placed
    report = watched(host.driver, mine, lambda: host.add_process(4711, "trainer", mine.uuid, GIB))
    assert "process 4711 (trainer)" in str(report.void)


def test_a_process_that_is_just_ending_is_waited_for(
    placed: tuple[Bench, Partition], monkeypatch: pytest.MonkeyPatch
) -> None:
    host, mine = placed
    monkeypatch.setattr(isolation, "SETTLE_S", 2.0)
    host.add_process(4711, "of the run before", mine.uuid, GIB)
    Timer(0.2, lambda: host.end_process(4711)).start()
    assert Isolation(host.driver, mine).before() == Report()


def test_a_gpu_that_is_cut_under_a_run_on_all_of_it_makes_the_run_void(bench: Start, tmp_path: Path) -> None:
    host = bench("h100-80gb")
    report = watched(host.driver, partition(host.driver), lambda: _mig_on(host.driver))
    assert "MIG mode" in str(report.void)


def test_an_instance_that_is_made_anew_is_another_one(bench: Start, tmp_path: Path) -> None:
    host = bench("h100-80gb")

    def recreate() -> None:
        for layout in ("empty", "3g.40gb@4"):
            cut(host.driver, layout, tmp_path)

    cut(host.driver, "3g.40gb@4", tmp_path)
    mine = partition(host.driver, "3g.40gb")
    report = watched(host.driver, mine, recreate)
    assert mine.uuid in str(report.void), "its profile and place are the same, and yet it was gone"
    assert Isolation(host.driver, mine).before().void is not None, "nothing can begin where it was"


def test_a_change_of_the_rest_of_the_gpu_spoils_the_run_but_does_not_make_it_void(bench: Start, tmp_path: Path) -> None:
    host = bench("h100-80gb")
    cut(host.driver, "3g.40gb@4+2g.20gb@0", tmp_path)
    mine = partition(host.driver, "3g.40gb")
    report = watched(host.driver, mine, lambda: cut(host.driver, "3g.40gb@4+4x1g.10gb", tmp_path))
    assert report.void is None
    assert report.recut == (
        "3g.40gb@4+2g.20gb@0 before the run, 3g.40gb@4+1g.10gb@0+1g.10gb@1+1g.10gb@2+1g.10gb@3 after it"
    )


def test_who_is_on_another_instance_is_a_neighbour(bench: Start, tmp_path: Path) -> None:
    host = bench("h100-80gb")
    cut(host.driver, "3g.40gb@4+2g.20gb@0", tmp_path)
    mine, theirs = partition(host.driver, "3g.40gb"), partition(host.driver, "2g.20gb")
    host.add_process(4711, "trainer", theirs.uuid, GIB)
    report = watched(host.driver, mine, lambda: host.end_process(4711))
    assert report == Report(neighbours=frozenset({theirs.uuid})), "it was there before, which is enough"


def test_a_worker_that_sees_no_more_than_its_instance_finds_what_concerns_that(bench: Start, tmp_path: Path) -> None:
    host = bench("h100-80gb")
    cut(host.driver, "3g.40gb@4+2g.20gb@0", tmp_path)
    mine = partition(host.driver, "3g.40gb")
    with host.unprivileged() as driver:
        assert watched(driver, mine, lambda: None).void is None
        report = watched(driver, mine, lambda: host.add_process(4711, "trainer", mine.uuid, GIB))
    assert "process 4711" in str(report.void)


@pytest.mark.parametrize("code", [4, 15, 999])
@pytest.mark.parametrize(
    ("method", "unknown"),
    [
        ("compute_processes", {PROCESSES, NEIGHBOURS}),
        ("mig_mode", {LAYOUT, NEIGHBOURS}),
        ("name", {LAYOUT, NEIGHBOURS}),
        ("device_by_uuid", {LAYOUT, PROCESSES, NEIGHBOURS}),
    ],
)
def test_what_the_driver_does_not_tell_is_not_checked_and_never_fine(
    placed: tuple[Bench, Partition], method: str, unknown: set[str], code: int
) -> None:
    host, mine = placed
    broken = FaultyDriver(host.driver)
    broken.fail_always(method, code)
    looks = Isolation(broken, mine)  # type: ignore[arg-type]  # it has the calls of its driver
    report = looks.before()
    assert report.void is None
    assert report.not_checked.keys() == (unknown if mine.profile else unknown - {NEIGHBOURS})
    assert all(f"NVML error {code}" in reason for reason in report.not_checked.values())
    broken.heal()
    assert looks.after().not_checked == report.not_checked, "one look that tells nothing is enough to know nothing"


def test_a_driver_that_hangs_does_not_keep_the_run(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(isolation, "ANSWER_S", 0.2)
    host.start("h100-80gb")
    with NvmlLibrary.open() as driver:
        mine = partition(driver)
        host.delay("nvmlDeviceGetComputeRunningProcesses_v3", 1.0)
        begun = time.monotonic()
        report = Isolation(driver, mine).before()
        assert time.monotonic() - begun < 0.9
        assert report.void is None
        assert set(report.not_checked) == {LAYOUT, PROCESSES, NEIGHBOURS}
        assert "did not answer within 0.2 s" in report.not_checked[LAYOUT]
        host.heal()
        time.sleep(1.0)  # what hangs must have ended before its library is closed


def test_a_gpu_without_a_driver_is_not_checked(bench: Start) -> None:
    mine = partition(bench("h100-80gb").driver)
    assert set(watched(None, mine, lambda: None).not_checked) == {LAYOUT, PROCESSES, NEIGHBOURS}


def test_a_processor_has_nothing_of_the_kind(bench: Start) -> None:
    assert watched(bench("h100-80gb").driver, cpu_partition(), lambda: None) == Report()


def _mig_on(driver: Driver) -> None:
    assert driver.set_mig_mode(driver.device_by_index(0), enabled=True) is None
