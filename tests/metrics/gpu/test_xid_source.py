"""Errors that the driver reports reach the runs that they concern, and no others."""

import pytest

from migperf.gpus.nvml_errors import NvmlNoPermissionError, NvmlNotSupportedError
from migperf.gpus.partition import Partition, PartitionKind
from migperf.metrics.gpu.plan import event_sources
from migperf.metrics.metric import Kind, Scope
from migperf.metrics.source import EventSource
from tests.gpus.faults import FaultyDriver
from tests.metrics.gpu.world import S, World


def listening(world: World, slot: int = 0, driver: object | None = None) -> EventSource:
    (source,) = event_sources(driver or world.driver, world.partitions[slot])  # type: ignore[arg-type]
    return source


def heard(source: EventSource, now_ns: int = 5) -> list[float]:
    return [event.value for event in source.poll(now_ns)]


def test_an_error_on_the_gpu_is_an_event_at_the_time_of_the_look() -> None:
    world = World("a100-80gb")
    source = listening(world)
    assert (source.metrics[0].name, source.metrics[0].kind) == ("xid", Kind.EVENT)
    world.driver.report_xid(world.gpu_uuid, 31)
    world.driver.report_xid(world.gpu_uuid, 43)
    (first, second) = source.poll(77)
    assert [(event.index, event.time_ns, event.value) for event in (first, second)] == [(0, 77, 31.0), (0, 77, 43.0)]
    assert heard(source) == []
    assert source.why_not(0) is None


def test_an_instance_hears_of_its_own_errors_and_of_the_boards_but_not_of_its_neighbours() -> None:
    world = World("h100-80gb", instances=3)
    here, there = listening(world, 0), listening(world, 1)
    assert here.metrics[0].scope is Scope.INSTANCE
    world.driver.report_xid(world.partitions[0].uuid, 31)
    world.driver.report_xid(world.gpu_uuid, 79)
    assert heard(here) == [31, 79]
    assert heard(there) == [79]


def test_a_container_that_may_not_listen_to_the_board_listens_to_its_instance() -> None:
    world = World("h100-80gb", instances=2)
    board = world.driver.device_by_uuid(world.gpu_uuid)

    class Confined(FaultyDriver):
        def xid_events(self, device: object) -> object:
            if device == board:
                raise NvmlNoPermissionError("nvmlDeviceRegisterEvents")
            return world.driver.xid_events(device)  # type: ignore[arg-type]

    source = listening(world, 0, Confined(world.driver))
    world.driver.report_xid(world.partitions[0].uuid, 31)
    world.driver.report_xid(world.partitions[1].uuid, 43)
    world.driver.report_xid(world.gpu_uuid, 79)
    assert heard(source) == [31]


def test_where_events_cannot_be_had_the_reason_is_told() -> None:
    world = World("h100-80gb", instances=2)
    driver = FaultyDriver(world.driver)
    driver.fail_always("xid_events", NvmlNotSupportedError.code)
    source = listening(world, 0, driver)
    assert heard(source) == []
    absence = source.why_not(0)
    assert absence is not None
    assert absence.state == "not_supported"


@pytest.mark.parametrize("instances", [0, 2])
def test_listening_is_tried_again(instances: int) -> None:
    world = World("h100-80gb", instances=instances)
    driver = FaultyDriver(world.driver)
    driver.fail_always("xid_events", 15)
    source = listening(world, 0, driver)
    driver.heal()
    assert heard(source, S) == []
    assert source.why_not(0) is None
    world.driver.report_xid(world.gpu_uuid, 48)
    assert heard(source, 2 * S) == [48]


def test_the_end_of_a_gpu_is_told_and_then_that_it_is_lost() -> None:
    world = World("h100-80gb")
    source = listening(world)
    world.driver.lose(world.driver.device_by_index(0))
    world.driver.report_xid(world.gpu_uuid, 79)
    assert heard(source) == [79]
    whole = Partition(uuid=world.gpu_uuid, gpu_uuid=world.gpu_uuid, kind=PartitionKind.GPU, model="H100")
    (late,) = event_sources(world.driver, whole)
    assert late.poll(S) == ()
    absence = late.why_not(0)
    assert absence is not None
    assert absence.state == "lost"


def test_a_look_that_fails_ends_listening_until_it_can_begin_anew() -> None:
    world = World("h100-80gb")
    source = listening(world)
    world.driver.close()
    assert heard(source, S) == []
    absence = source.why_not(0)
    assert absence is not None
    assert absence.state == "failed"
    source.close()
