"""GPM as a source: moving means at high rates, and no more work than there is to do."""

import pytest

from migperf.metrics.gpu.gpm import ACTIVITY, GPM_PERIOD_NS, LINKS
from migperf.metrics.gpu.gpm_sources import gpu_gpm_source, has_gpm, instance_gpm_source
from migperf.metrics.gpu.handle import Handle
from migperf.metrics.metric import Kind
from tests.gpus.faults import FaultyDriver
from tests.metrics.gpu.world import MS, World


def test_read_a_hundred_times_a_second_it_gives_means_over_the_last_tenth_of_a_second() -> None:
    world = World("h100-80gb")
    source = gpu_gpm_source(Handle(world.driver, world.gpu_uuid), period_ns=10 * MS)
    assert source.period_ns == 10 * MS
    values = {}
    for tick in range(50):
        values[world.now_ns] = float(source.read(world.now_ns)[0]), tick
        world.now_ns += 10 * MS
    for now_ns, (value, tick) in values.items():
        if tick > 10:
            assert value == pytest.approx(world.meters.gpm("", None, 1, (now_ns - 110 * MS, now_ns)))  # type: ignore


@pytest.mark.parametrize("slot", [0, 2])
def test_each_instance_is_read_by_itself(slot: int) -> None:
    world = World("h100-80gb", instances=3)
    partition = world.partitions[slot]
    gpu, mig_device = Handle(world.driver, world.gpu_uuid), Handle(world.driver, partition.uuid)
    source = instance_gpm_source(gpu, mig_device)
    source.read(world.now_ns)
    begin_ns, world.now_ns = world.now_ns, world.now_ns + GPM_PERIOD_NS
    row = source.read(world.now_ns)
    expected = [world.meters.gpm("", world.instance_id(partition), i, (begin_ns, world.now_ns)) for i in ACTIVITY]  # type: ignore
    assert row.tolist() == pytest.approx(expected)


def test_sent_and_received_are_told_apart() -> None:
    # nvml.h lists PCIe TX, RX and NVLink RX, TX.
    assert [LINKS[metric_id].name for metric_id in (20, 21, 60, 61)] == [
        "pcie_sent",
        "pcie_received",
        "nvlink_received",
        "nvlink_sent",
    ]


def test_all_its_metrics_are_means_since_the_reading_before() -> None:
    world = World("h100-80gb")
    source = gpu_gpm_source(Handle(world.driver, world.gpu_uuid))
    assert {metric.kind for metric in source.metrics} == {Kind.AVERAGE}
    assert {metric.source for metric in source.metrics} == {"gpm"}


def test_boards_before_hopper_have_no_gpm() -> None:
    for board, has in (("a100-80gb", False), ("a30-24gb", False), ("l40s-48gb", False), ("h200-141gb", True)):
        world = World(board)
        assert has_gpm(Handle(world.driver, world.gpu_uuid)) is has


def test_closing_gives_the_samples_back_once() -> None:
    closed = []

    class Reader:
        def close(self) -> None:
            closed.append(self)

        def read(self) -> object:
            raise AssertionError

    world = World("h100-80gb")
    driver = FaultyDriver(world.driver)
    driver.gpm_reader = lambda *_: Reader()  # type: ignore[method-assign, return-value, assignment]
    source = gpu_gpm_source(Handle(driver, world.gpu_uuid))  # type: ignore[arg-type]
    with pytest.raises(AssertionError):
        source.read(0)
    source.close()
    source.close()
    assert len(closed) == 1
