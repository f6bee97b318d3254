"""What a host says that it has, and cutting it, through pynvml on the C library as on the simulated driver."""

from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from migperf.gpus.controller import Controller, GpuBusyError
from migperf.gpus.driver import Driver
from migperf.gpus.gpu import Gpu
from migperf.gpus.inventory import discover, find_gpu
from migperf.gpus.layout import Layout
from migperf.gpus.nvml.backend import NvmlLibrary
from migperf.gpus.partition import PartitionKind
from migperf.gpus.plan import LayoutImpossibleError
from migperf.gpus.processes import users_of
from migperf.gpus.simulation.boards import BOARDS
from migperf.gpus.simulation.driver import open_in_memory
from tests.gpus.nvml.bench import Bench
from tests.gpus.nvml.fake_host import FakeHost

Start = Callable[..., Bench]


def controller(driver: Driver, folder: Path) -> Controller:
    return Controller(driver=driver, lock=FileLock(folder / "lock"))


def first(driver: Driver) -> Gpu:
    return discover(driver).gpus[0]


def test_a_whole_gpu_is_one_partition_and_each_compute_instance_is_one(bench: Start, tmp_path: Path) -> None:
    driver = bench("h100-80gb", "l40s-48gb").driver
    h100, l40s = discover(driver).gpus
    assert (h100.sm_count, l40s.sm_count) == (132, 142), "of the whole board, from the driver's cores"
    assert (h100.architecture, h100.mig.resetless, l40s.mig) == ("hopper", True, None)
    whole = [p for p in discover(driver).partitions if p.kind is PartitionKind.GPU]
    assert [(p.uuid, p.sm_count, p.profile) for p in whole] == [(h100.uuid, 132, None), (l40s.uuid, 142, None)]
    controller(driver, tmp_path).apply(h100.uuid, Layout.parse("4g.40gb@0(2c+2x1c)+1g.20gb@6"))
    slices = [p for p in discover(driver).partitions if p.kind is PartitionKind.MIG]
    assert [(p.profile, p.sm_count, str(p.placement)) for p in slices] == [
        ("2c.4g.40gb", 32, "0:4"),
        ("1c.4g.40gb", 16, "0:4"),
        ("1c.4g.40gb", 16, "0:4"),
        ("1g.20gb", 26, "6:2"),
    ]
    assert {p.gpu_uuid for p in slices} == {h100.uuid}
    assert all(p.uuid.startswith("MIG-") and p.memory_mib for p in slices)
    assert discover(driver).gpus[0].sm_count is None, "the driver does not tell the cores of a board that is cut"


@pytest.mark.parametrize("board", [key for key, board in BOARDS.items() if board.has_mig])
def test_the_geometry_of_every_board_is_the_tables(bench: Start, board: str) -> None:
    geometry, table = first(bench(board).driver).geometry, BOARDS[board]
    assert (geometry.units, geometry.slices) == (table.memory_units, table.compute_slices)
    assert {
        (p.name, p.id, p.sm_count, p.memory_mib, tuple(s.start for s in p.placements)) for p in geometry.profiles
    } == {(p.name, p.id, p.sm_count, p.memory_mib, p.starts) for p in table.profiles}


def test_both_backends_are_cut_alike(bench: Start, tmp_path: Path) -> None:
    """The controller drives real pynvml; what it makes is what the simulated driver makes."""
    driver, twin = bench("h100-80gb").driver, open_in_memory(["h100-80gb"])
    for layout in ("3g.40gb+2x2g.20gb", "3g.40gb@4+4x1g.10gb", "7g.80gb(4c+3c)", "2x3g.40gb", "empty", "off"):
        for one in (driver, twin):
            controller(one, tmp_path).apply(first(one).uuid, Layout.parse(layout))
        assert first(driver).layout == first(twin).layout
        assert [i.model_dump(exclude={"compute_instances"}) for i in first(driver).instances] == [
            i.model_dump(exclude={"compute_instances"}) for i in first(twin).instances
        ]


def test_who_uses_a_partition_is_told_with_its_name(bench: Start, tmp_path: Path) -> None:
    host = bench("h100-80gb")
    uuid = first(host.driver).uuid
    controller(host.driver, tmp_path).apply(uuid, Layout.parse("2x3g.40gb"))
    gpu = first(host.driver)
    used = gpu.instances[1].compute_instances[0].uuid
    host.add_process(4711, "trainer", used, 1 << 30)
    (user,) = users_of(host.driver, gpu)
    assert (user.partition, user.pid, user.name, user.used_bytes) == (used, 4711, "trainer", 1 << 30)
    with pytest.raises(GpuBusyError, match=r"process 4711 \(trainer\)"):
        controller(host.driver, tmp_path).apply(uuid, Layout.parse("7g.80gb"))
    with host.unprivileged() as driver:
        assert [user.partition for user in users_of(driver, gpu)] == [used], "the instances tell where the GPU may not"


def test_a_lost_gpu_is_told_with_its_problem_and_the_others_go_on(bench: Start) -> None:
    host = bench("a100-80gb", "h100-80gb")
    a100, h100 = discover(host.driver).gpus
    host.lose(0)
    inventory = discover(host.driver)
    assert [p.gpu_uuid for p in inventory.partitions if p.gpu_uuid] == [h100.uuid]
    problems = [*inventory.unreadable, *(gpu.problem for gpu in inventory.gpus if gpu.uuid == a100.uuid)]
    assert len(problems) == 1
    assert "fallen off the bus" in problems[0]
    assert inventory.gpus[-1] == h100


def test_an_old_driver_is_read_as_far_as_it_goes(old_host: FakeHost) -> None:
    old_host.start("a100-40gb")
    with NvmlLibrary.open() as driver:
        gpu = first(driver)
    assert gpu.problem is None
    assert gpu.memory_mib is None, "without the reserved part the figure would mean something else"
    assert gpu.mig.resetless is None or gpu.mig.resetless is False
    assert {p.name for p in gpu.geometry.profiles} >= {"1g.5gb", "2g.10gb", "3g.20gb", "7g.40gb"}


class OneInstanceOnly:
    """What a container sees that was given one MIG device: the device, and not how the GPU is cut."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def __getattr__(self, name: str) -> object:
        return getattr(self._driver, name)

    def gpu_instances(self, *_: object) -> object:
        from migperf.gpus.nvml_errors import NvmlNoPermissionError

        raise NvmlNoPermissionError("nvmlDeviceGetGpuInstances")


def test_a_process_that_may_not_see_the_layout_still_finds_its_partitions(bench: Start, tmp_path: Path) -> None:
    driver = bench("h100-80gb").driver
    uuid = first(driver).uuid
    controller(driver, tmp_path).apply(uuid, Layout.parse("3g.40gb+2g.20gb(2x1c)"))
    expected = {(p.uuid, p.profile, p.sm_count, p.memory_mib) for p in discover(driver).partitions if p.gpu_uuid}
    confined = OneInstanceOnly(driver)
    seen = [p for p in discover(confined).partitions if p.gpu_uuid]
    assert {(p.uuid, p.profile, p.sm_count, p.memory_mib) for p in seen} == expected
    assert all(p.placement is None for p in seen), "unknown, so it is not told"
    with pytest.raises(LayoutImpossibleError, match="mig/config"):
        controller(confined, tmp_path).apply(uuid, Layout.parse("7g.80gb"))
    assert find_gpu(driver, uuid).layout.without_places() == Layout.parse("3g.40gb+2g.20gb(2x1c)")
