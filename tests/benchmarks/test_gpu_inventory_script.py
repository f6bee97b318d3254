"""The inventory of a real driver: it tells everything, agrees with right tables, and changes nothing.

Runs on the C model of a driver that is made from the same tables: what differs there is a mistake of the script's.
"""

import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import gpu_inventory
import pynvml
import pytest
from gpu_calls import Failure, Recorder

from migperf.gpus.driver import Driver
from migperf.gpus.inventory import discover
from migperf.gpus.layout import Layout
from migperf.gpus.nvml.backend import NvmlLibrary
from migperf.gpus.simulation.board import Board
from migperf.gpus.simulation.boards import BOARDS
from tests.gpus.nvml.fake_host import FakeHost
from tests.gpus.nvml.test_backends_meters import SHOWN

H100, A30 = "h100-80gb", "a30-24gb"
CHANGES = {
    "set_mig_mode",
    "create_gpu_instance",
    "destroy_gpu_instance",
    "create_compute_instance",
    "destroy_compute_instance",
}
READS = {
    "nvmlInitWithFlags",
    "nvmlShutdown",
    "nvmlDeviceIsMigDeviceHandle",
    "nvmlEventSetCreate",
    "nvmlDeviceRegisterEvents",
    "nvmlEventSetWait_v2",
    "nvmlEventSetFree",
    "nvmlGpmQueryDeviceSupport",
    "nvmlGpmSampleAlloc",
    "nvmlGpmSampleFree",
}
"""Functions that change no GPU though nothing in their names says so, as ``Get`` does."""
FREEING = {"nvmlShutdown", "nvmlEventSetFree", "nvmlGpmSampleFree"}
UNEXPLAINED = 999
BANKS = {"memory_bank", "gpm_bank", "reel"}
"""They make the calls of single readings, for many at once."""


def cut(host: FakeHost) -> None:
    """Boot a host with two GPUs, MIG on, cut into instances of several sizes, and a process on one of them."""
    host.start(H100, A30)
    with NvmlLibrary.open() as driver:
        instances(driver, 0, {9: (2,), 14: (0, 0), 15: (0,)})
        mig_on_after_reset(host, driver, 1)
        instances(driver, 1, {5: (1,), 14: (0,)})
        uuid = discover(driver).gpus[0].instances[0].compute_instances[0].uuid
    for index in range(2):
        host.set_meters(index, **SHOWN)
    for gpu_instance_id in (None, *range(16)):
        host.set_gpm(0, 1, 42.0, gpu_instance_id=gpu_instance_id)
    host.add_process(987_654, "somebody-elses-trainer", uuid, 1 << 30)


def cut_a30(host: FakeHost) -> None:
    """Boot a host with one A30, MIG on, cut into two instances."""
    host.start(A30)
    with NvmlLibrary.open() as driver:
        mig_on_after_reset(host, driver, 0)
        instances(driver, 0, {5: (1,), 14: (0,)})
    host.set_meters(0, **SHOWN)


def whole_h100(host: FakeHost) -> None:
    """Boot a host with one H100, MIG off."""
    host.start(H100)
    host.set_meters(0, **SHOWN)


def mig_on_after_reset(host: FakeHost, driver: Driver, index: int) -> None:
    driver.set_mig_mode(driver.device_by_index(index), enabled=True)
    host.so.fake_reset(index)


def instances(driver: Driver, index: int, wanted: Mapping[int, Sequence[int]]) -> None:
    """Create one GPU instance of each profile id, with compute instances of the profile ids given."""
    driver.set_mig_mode(driver.device_by_index(index), enabled=True)
    for profile, cuts in wanted.items():
        instance = driver.create_gpu_instance(driver.device_by_index(index), profile)
        for compute in cuts:
            driver.create_compute_instance(instance, compute)


def functions_called() -> set[str]:
    """The functions of the library that were called since it was last forgotten."""
    return set(pynvml._nvmlGetFunctionPointer_cache)


def recorded(folder: Path) -> dict[str, object]:
    """Run the script; return what it wrote."""
    gpu_inventory.main(["--out", str(folder)])
    return json.loads((folder / "inventory.json").read_text())


def quick(driver: Driver, boards: Collection[Board] = tuple(BOARDS.values())) -> gpu_inventory.Report:
    """Record with three repeats."""
    return gpu_inventory.read(driver, boards, Recorder(repeats=3))


def test_cut_gpus_agree_with_their_tables_in_everything(host: FakeHost, tmp_path: Path) -> None:
    cut(host)
    report = recorded(tmp_path)
    for comparison, key in zip(report["comparisons"], (H100, A30), strict=True):
        assert (comparison["board"], comparison["differences"]) == (key, [])
        assert comparison["recognised_by"].startswith("PCI device id 0x")
        assert [(u["what"], u["table"]) for u in comparison["untold"]] == [("SMs", BOARDS[key].sm_count)], "MIG is on"
        assert len(comparison["agreements"]) == 5 + 12 * len(BOARDS[key].profiles)
    assert [gpu["model"] for gpu in report["inventory"]["gpus"]] == ["NVIDIA H100 80GB HBM3", "NVIDIA A30"]
    assert len(report["inventory"]["gpus"][0]["instances"]) == 3


def test_a_whole_gpu_agrees_in_its_multiprocessors_too(host: FakeHost) -> None:
    host.start("a100-80gb", "t4-16gb")
    with NvmlLibrary.open() as driver:
        a100, t4 = quick(driver).comparisons
    assert (a100.differences, a100.untold, t4.differences, t4.untold) == ((), (), (), ())
    assert {a.what: a.value for a in a100.agreements}["SMs"] == 108
    assert (t4.board, len(t4.agreements)) == ("t4-16gb", 6)


def test_nothing_is_changed(host: FakeHost, tmp_path: Path) -> None:
    """The card may be somebody else's: not one function may be called that changes it."""
    cut(host)
    with NvmlLibrary.open() as driver:
        before = discover(driver)
        pynvml._nvmlGetFunctionPointer_cache.clear()
        recorded(tmp_path)
        called = functions_called()
        after = discover(driver)
    assert {name for name in called if "Get" not in name} <= READS
    assert not any("Serial" in name for name in called)
    assert len(called) > 40, "or this test looks in the wrong place"
    assert replace(after, read_at=before.read_at) == before
    assert (host.held_samples(), host.held_event_sets()) == (0, 0)


def test_every_method_that_only_reads_is_recorded_with_its_time(host: FakeHost, tmp_path: Path) -> None:
    """A method that is added to the protocol must come into the inventory as well."""
    cut(host)
    with NvmlLibrary.open() as driver:
        host.add_process(os.getpid(), "python", driver.uuid(driver.device_by_index(1)), 1 << 20)
    calls = recorded(tmp_path)["calls"]
    host.start("t4-16gb")  # what a GPU tells only while it is whole
    host.set_meters(0, **SHOWN)
    calls += recorded(tmp_path)["calls"]
    methods = {name for name, member in vars(Driver).items() if callable(member) and not name.startswith("_")}
    assert {call["method"] for call in calls if call["answered"]} >= methods - CHANGES - BANKS - {"close"}
    assert all(call["answered"] + call["failed"] == 20 for call in calls if call["method"] != "discover")
    assert all(call["median_ms"] > 0 and call["first_ms"] > 0 for call in calls)
    assert all((call["value"] is None) == (call["failure"] is not None) for call in calls)


def test_gpm_is_sampled_of_each_instance_and_not_before_hopper(host: FakeHost) -> None:
    cut(host)
    with NvmlLibrary.open() as driver:
        report = quick(driver)
        ids = [instance.id for instance in discover(driver).gpus[0].instances]
    metrics = [call for call in report.calls if call.method == "gpm_metrics"]
    expected = {"GPU 0", *(f"GPU 0, GPU instance {id_}" for id_ in ids)}
    assert len(metrics) == 4
    assert {call.on for call in metrics} == expected, "the whole GPU and its three instances"
    assert {call.on for call in report.calls if call.method == "gpm_sample"} == {"GPU 0"}, "the A30 has no GPM"
    for call in metrics:
        assert [answer["metric_id"] for answer in call.value] == [*range(1, 14), 20, 21]
        assert call.value[0] == {"metric_id": 1, "value": 42.0, "error": None}
        assert call.value[1] == {"metric_id": 2, "value": None, "error": "NvmlNotSupportedError (3)"}, "never a 0"
    readings = [call.value for call in report.calls if call.method == "read" and call.on == "GPU 0"]
    assert [rows[:2] for rows in readings] == [["1 nan", "2 nan"], ["1 42.0", "2 error 3"]]
    text = "\n".join(gpu_inventory.as_lines(report))
    assert "GPU 0: clock, MHz (SM): 1965" in text
    assert "GPU 0: GPM metrics by number: 1 42.0, 2 NvmlNotSupportedError (3), " in text


def test_other_peoples_processes_are_counted_and_not_named(host: FakeHost, tmp_path: Path) -> None:
    cut(host)
    report = recorded(tmp_path)
    counts = [call["value"]["count"] for call in report["calls"] if call["method"] == "compute_processes"]
    assert sorted(counts)[-2:] == [1, 1], "as the GPU and the instance tell"
    for file in ("inventory.json", "inventory.txt"):
        text = (tmp_path / file).read_text()
        assert "somebody-elses-trainer" not in text
        assert "987654" not in text


@pytest.mark.parametrize(("start", "which"), [(cut_a30, ""), (whole_h100, "Gpm")])
def test_the_error_of_any_function_is_recorded_and_the_recording_goes_on(
    host: FakeHost, start: Callable[[FakeHost], None], which: str
) -> None:
    """First on a GPU that is cut, then GPM's functions on one that has GPM, whose samples take their time."""
    start(host)
    with NvmlLibrary.open() as driver:
        pynvml._nvmlGetFunctionPointer_cache.clear()
        quick(driver)
        # A UUID is also asked for to say what another call failed on; there, its own failure matters to nobody.
        functions = {name for name in functions_called() if which in name} - FREEING - {"nvmlDeviceGetUUID"}
        assert len(functions) > 3
        for function in sorted(functions):
            host.fail(function, UNEXPLAINED)
            report = quick(driver)
            failures = [call for call in report.calls if call.failure == Failure("NvmlError", UNEXPLAINED)]
            assert len(failures) == 1, f"{function} failed once, and {len(failures)} calls say so"
            assert [c.differences for c in report.comparisons] == [()], f"after {function} failed"


def test_what_keeps_failing_is_not_compared_and_the_reason_is_given(host: FakeHost) -> None:
    cut(host)
    host.so.fake_set_privileged(False)
    with NvmlLibrary.open() as driver:
        report = quick(driver)
    (h100, _) = report.comparisons
    assert h100.differences == ()
    assert {u.what: u.why for u in h100.untold} == {
        "memory, MiB": "NvmlNoPermissionError (4)",
        "SMs": "NvmlNotSupportedError (3)",
    }
    text = "\n".join(gpu_inventory.as_lines(report))
    assert "not told  memory, MiB (table 81559): NvmlNoPermissionError (4)" in text
    assert "GPU 0: memory(): NvmlNoPermissionError (4), 3 of 3 times" in text


def test_a_lost_gpu_is_told_and_the_other_is_compared(host: FakeHost) -> None:
    host.start(H100, A30)
    host.so.fake_lose(0)
    with NvmlLibrary.open() as driver:
        report = quick(driver)
    assert [(c.gpu, c.board, c.differences) for c in report.comparisons] == [("GPU 1", A30, ())]
    assert "host: device_by_index(0): GpuLostError (15), 3 of 3 times" in "\n".join(gpu_inventory.as_lines(report))


def test_a_wrong_table_is_reported_with_both_values(host: FakeHost) -> None:
    host.start(H100)
    right = BOARDS[H100]
    one, me, double, *_, whole = right.profiles
    wrong = replace(
        right,
        sm_count=144,
        memory_mib=81_920,
        profiles=(
            replace(one, id=14, sm_count=18, max_count=8),
            replace(double, starts=(0, 2, 4), memory_mib=1),
            replace(me, slot=0x11),
            replace(whole, name="7g.79gb"),
        ),
    )
    with NvmlLibrary.open() as driver:
        report = quick(driver, [wrong])
    (comparison,) = report.comparisons
    found = {d.what: (d.table, d.driver) for d in comparison.differences}
    assert found == {
        "SMs": (144, 132),
        "memory, MiB": (81_920, 81_559),
        "1g.10gb: id": (14, 19),
        "1g.10gb: SMs": (18, 16),
        "1g.10gb: most instances": (8, 7),
        "1g.20gb: places": ("0:2 2:2 4:2", "0:2 2:2 4:2 6:2"),
        "1g.20gb: memory, MiB": (1, double.memory_mib),
        "7g.79gb: name": ("7g.79gb", "7g.80gb"),
        "profile in slot 17": ("1g.10gb+me, id 20", None),
        "profile in slot 7": (None, "1g.10gb+me, id 20"),
        "profile in slot 1": (None, "2g.20gb, id 14"),
        "profile in slot 2": (None, "3g.40gb, id 9"),
        "profile in slot 3": (None, "4g.40gb, id 5"),
    }
    text = "\n".join(gpu_inventory.as_lines(report))
    assert "differs   1g.10gb: SMs: table 18, driver 16" in text
    assert "differs   profile in slot 17: table 1g.10gb+me, id 20, driver has none" in text


@pytest.mark.parametrize(
    "key", ["h100-80gb", "h100-pcie-80gb", "h100-94gb", "h200-141gb", "a100-40gb", "rtx-pro-6000-96gb"]
)
def test_a_board_with_another_pci_device_id_is_recognised_by_name_and_memory(host: FakeHost, key: str) -> None:
    """A model has several ids; the difference of the id itself is told."""
    host.start(key)
    boards = [replace(board, pci_device_id=board.pci_device_id + 1) for board in BOARDS.values()]
    with NvmlLibrary.open() as driver:
        (comparison,) = quick(driver, boards).comparisons
    assert (comparison.board, comparison.recognised_by) == (key, "name and memory")
    assert [d.what for d in comparison.differences] == ["PCI device id"]


def test_a_board_that_no_table_knows_is_left_alone(host: FakeHost) -> None:
    host.start(H100)
    with NvmlLibrary.open() as driver:
        report = quick(driver, [BOARDS["h100-94gb"], BOARDS[A30]])
    assert report.comparisons[0].board is None
    assert "GPU 0 is in no table" in "\n".join(gpu_inventory.as_lines(report))


def test_without_a_driver_the_script_says_so(host: FakeHost, tmp_path: Path) -> None:
    host.start(H100)
    host.so.fake_unload_driver()
    with pytest.raises(SystemExit, match=r"no driver to ask: .*kernel driver is not loaded"):
        recorded(tmp_path)
    assert not (tmp_path / "inventory.json").exists(), "nothing was read, so nothing is written"


def test_the_layouts_of_this_host_are_in_the_report_for_people(host: FakeHost, tmp_path: Path) -> None:
    cut(host)
    recorded(tmp_path)
    text = (tmp_path / "inventory.txt").read_text()
    with NvmlLibrary.open() as driver:
        layouts = [gpu.layout for gpu in discover(driver).gpus]
    assert all(f"layout {layout}\n" in text for layout in layouts)
    assert layouts[1] != Layout(mig=False)
