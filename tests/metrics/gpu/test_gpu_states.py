"""What can be read on which board, in which mode, and of what it is: section 5.1 of the reference of NVML and MIG."""

import pytest

from migperf.gpus.driver import Architecture
from migperf.gpus.partition import Partition, PartitionKind
from migperf.gpus.simulation.boards import BOARDS
from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.gpu.gpm import ACTIVITY, LINKS
from migperf.metrics.gpu.plan import board_sources, event_sources, partition_sources
from migperf.metrics.metric import Scope
from tests.metrics.gpu.world import MS, S, World

ALWAYS_BOARD = {
    "power_instant", "power_limit", "energy", "clock_sm", "clock_memory", "temperature_gpu", "temperature_memory",
    "throttle_power_cap", "throttle_hw_slowdown", "throttle_hw_thermal", "throttle_hw_power_brake",
    "throttle_sw_thermal", "throttle_sync_boost", "clocks_locked", "clocks_idle", "throttled_power",
    "throttled_thermal", "pcie_replays", "ecc_corrected", "pcie_sent", "pcie_received",
}  # fmt: skip
PARTITION = {"fb_used", "fb_free", "fb_reserved", "processes", "ecc_uncorrected"}
NOT_WITH_MIG = {"utilization_gpu", "utilization_memory"}
MODES = [
    pytest.param(key, cut, id=f"{key}-{'mig' if cut else 'whole'}")
    for key, board in BOARDS.items()
    for cut in (False, True)
    if board.has_mig or not cut
]


def seen_on(key: str, cut: bool) -> tuple[dict[str, float | Absence | None], dict[str, Scope]]:
    world = World(key, instances=2 if cut else 0)
    sources = world.sources()
    world.read(sources)
    scopes = {metric.name: metric.scope for source in sources for metric in source.metrics}
    return world.after(101 * MS, sources), scopes


def expected_states(key: str, cut: bool) -> dict[str, str]:
    board = BOARDS[key]
    states = dict.fromkeys(ALWAYS_BOARD | PARTITION, "ok")
    states |= dict.fromkeys(NOT_WITH_MIG, "not_supported" if cut else "ok")
    states["power_average"] = "ok" if board.compute_capability > (8, 0) else "not_supported"
    if board.architecture >= Architecture.HOPPER:
        states |= dict.fromkeys((quantity.name for quantity in (*ACTIVITY.values(), *LINKS.values())), "ok")
    return states


def state_of(value: float | Absence | None) -> str:
    if isinstance(value, Absence):
        return value.state.value
    return "ok" if value is not None else "too early"


@pytest.mark.parametrize(("key", "cut"), MODES)
def test_each_metric_is_there_or_absent_as_the_board_and_its_mode_have_it(key: str, cut: bool) -> None:
    seen, _ = seen_on(key, cut)
    assert {name: state_of(value) for name, value in seen.items()} == expected_states(key, cut)


@pytest.mark.parametrize(("key", "cut"), MODES)
def test_what_is_the_boards_is_never_said_to_be_the_instances(key: str, cut: bool) -> None:
    _, scopes = seen_on(key, cut)
    own = PARTITION | {quantity.name for quantity in ACTIVITY.values()}
    expected = {name: Scope.INSTANCE if cut and name in own else Scope.GPU for name in scopes}
    assert scopes == expected


def test_a_process_without_rights_still_reads_its_instance() -> None:
    world = World("h100-80gb", instances=2)
    partition, sources = world.partitions[0], ()
    sources = partition_sources(world.open(privileged=False), partition)
    world.read(sources)
    assert {state_of(value) for value in world.after(S, sources).values()} == {"ok"}


def test_a_simulated_gpu_without_meters_has_no_reading_but_its_memory() -> None:
    world = World("h100-80gb")
    world.driver._meters = None
    seen = world.after(S, world.sources())
    assert {name for name, value in seen.items() if isinstance(value, float)} == {
        "fb_used", "fb_free", "fb_reserved", "processes"
    }  # fmt: skip
    absent = [value for value in seen.values() if not isinstance(value, float)]
    assert {state_of(value) for value in absent} == {AbsenceState.NOT_SUPPORTED}


def test_a_cpu_has_none_of_these_sources() -> None:
    cpu = Partition(uuid="CPU-1", kind=PartitionKind.CPU, model="a processor")
    driver = World("h100-80gb").driver
    assert partition_sources(driver, cpu) == ()
    assert event_sources(driver, cpu) == ()


def test_sources_of_a_gpu_that_does_not_exist_say_so() -> None:
    world = World("h100-80gb")
    nowhere = Partition(uuid="GPU-0", gpu_uuid="GPU-0", kind=PartitionKind.GPU, model="none")
    sources = (*board_sources(world.driver, "GPU-0", False), *partition_sources(world.driver, nowhere))
    seen = world.after(S, sources)
    assert {state_of(value) for value in seen.values()} == {"lost"}
