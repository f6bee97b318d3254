"""What is stored of a GPU equals what its meters show: whole GPUs and MIG instances, in our units."""

import pytest

from migperf.metrics.gpu.board import REASONS
from migperf.metrics.gpu.gpm import ACTIVITY, LINKS
from tests.metrics.gpu.world import MIB, MS, START_NS, KnownMeters, S, World

TICK_NS = 101 * MS
METERS = KnownMeters()
BOARDS = [("a100-80gb", 0), ("a100-80gb", 3), ("h100-80gb", 0), ("h100-80gb", 3)]


def of_the_board(now_ns: int) -> dict[str, float | None]:
    shown = METERS.board("", now_ns)
    assert shown.clocks_event_reasons is not None
    assert shown.power_average_mw
    assert shown.power_instant_mw
    assert shown.energy_mj
    return {
        "power_average": shown.power_average_mw / 1e3,
        "power_instant": shown.power_instant_mw / 1e3,
        "energy": shown.energy_mj / 1e3,
        "clock_sm": shown.clock_sm_mhz,
        "clock_memory": shown.clock_memory_mhz,
        **{quantity.name: float(mask in shown.clocks_event_reasons) for quantity, mask in REASONS},
    }


def less_often(now_ns: int) -> dict[str, float | None]:
    shown = METERS.board("", now_ns)
    return {
        "temperature_gpu": shown.temperature_c,
        "temperature_memory": shown.memory_temperature_c,
        "power_limit": 700.0,
        "throttled_power": now_ns // 3 / S,
        "throttled_thermal": now_ns // 7 / S,
        "pcie_replays": shown.pcie_replays,
        "ecc_corrected": shown.ecc_corrected,
    }


def memory_of(instance_id: int | None, now_ns: int) -> dict[str, float]:
    used = METERS.board("", now_ns) if instance_id is None else METERS.instance("", instance_id, now_ns)
    assert used.memory_used_bytes is not None
    assert used.memory_reserved_bytes is not None
    return {"fb_used": used.memory_used_bytes / MIB, "fb_reserved": used.memory_reserved_bytes / MIB}


def gpm_of(instance_id: int | None, window_ns: tuple[int, int], with_links: bool) -> dict[str, float | None]:
    table = {**ACTIVITY, **LINKS} if with_links else ACTIVITY
    return {q.name: METERS.gpm("", instance_id, metric_id, window_ns) for metric_id, q in table.items()}


@pytest.mark.parametrize(("board", "instances"), BOARDS)
def test_every_column_is_what_the_meters_show_at_that_time(board: str, instances: int) -> None:
    world = World(board, instances=instances)
    partition = world.partitions[-1]
    sources = world.sources(partition=partition)
    instance_id = world.instance_id(partition)
    world.read(sources)
    for _ in range(60):
        seen = world.after(TICK_NS, sources)
        expected = of_the_board(world.now_ns) | less_often(world.now_ns) | memory_of(instance_id, world.now_ns)
        if board.startswith("a100"):
            del expected["power_average"]  # its sensor does not average
        assert {name: seen[name] for name in expected} == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("board", "instances"), BOARDS)
def test_used_free_and_reserved_memory_add_up_to_the_memory_of_the_partition(board: str, instances: int) -> None:
    world = World(board, instances=instances)
    partition = world.partitions[-1]
    seen = world.read(world.sources(partition=partition))
    assert sum(float(seen[name]) for name in ("fb_used", "fb_free", "fb_reserved")) == partition.memory_mib


@pytest.mark.parametrize("instances", [0, 3])
def test_gpm_gives_means_that_each_begin_where_the_one_before_ended(instances: int) -> None:
    world = World("h100-80gb", instances=instances)
    partition = world.partitions[-1]
    sources = world.sources(partition=partition)
    first = world.read(sources)
    assert first["gract"] is None, "too early is no failure"
    for _ in range(20):
        before_ns = world.now_ns
        seen = world.after(TICK_NS, sources)
        expected = gpm_of(world.instance_id(partition), (before_ns, world.now_ns), with_links=not instances)
        assert {name: seen[name] for name in expected} == pytest.approx(expected, rel=1e-12)


def test_links_of_a_cut_board_are_the_boards() -> None:
    world = World("h100-80gb", instances=2)
    sources = world.sources()
    world.read(sources)
    before_ns = world.now_ns
    seen = world.after(TICK_NS, sources)
    for metric_id, quantity in LINKS.items():
        assert seen[quantity.name] == pytest.approx(METERS.gpm("", None, metric_id, (before_ns, world.now_ns)))
    scopes = {metric.name: metric.scope for source in sources for metric in source.metrics}
    assert scopes["pcie_sent"] == "gpu"
    assert scopes["gract"] == "instance"


@pytest.mark.parametrize("instances", [0, 2])
def test_without_gpm_pcie_rates_are_differences_of_counters(instances: int) -> None:
    world = World("a100-80gb", instances=instances)
    sources = world.sources()
    assert world.read(sources)["pcie_sent"] is None
    for _ in range(10):
        before_ns = world.now_ns
        seen = world.after(TICK_NS, sources)
        sent = METERS.sent_bytes(world.now_ns) - METERS.sent_bytes(before_ns)
        assert seen["pcie_sent"] == pytest.approx(sent / MIB / (TICK_NS / S))
        assert seen["pcie_received"] == pytest.approx(2 * sent / MIB / (TICK_NS / S))


def test_utilisation_and_uncorrected_errors_of_a_board_that_is_not_cut_are_its_own() -> None:
    world = World("h100-80gb")
    seen = world.after(777 * MS, world.sources())
    shown = METERS.board("", world.now_ns)
    assert shown.utilization is not None
    assert seen["utilization_gpu"] == shown.utilization.gpu_pct
    assert seen["utilization_memory"] == shown.utilization.memory_pct
    assert seen["ecc_uncorrected"] == shown.ecc_uncorrected


def test_uncorrected_errors_of_a_cut_board_are_told_for_the_instance() -> None:
    world = World("a100-80gb", instances=3)
    partition = world.partitions[2]
    sources = world.sources(partition=partition)
    seen = world.after(7 * S, sources)
    instance_id = world.instance_id(partition)
    assert instance_id is not None
    assert seen["ecc_uncorrected"] == METERS.instance("", instance_id, world.now_ns).ecc_uncorrected


@pytest.mark.parametrize("instances", [0, 2])
def test_processes_are_counted_where_the_run_is(instances: int) -> None:
    world = World("h100-80gb", instances=instances)
    here, *elsewhere = world.partitions
    sources = world.sources(partition=here)
    assert world.read(sources)["processes"] == 0
    world.driver.add_process(41, "python", here.uuid, MIB)
    world.driver.add_process(42, "python", here.uuid, MIB)
    for other in elsewhere:
        world.driver.add_process(43, "python", other.uuid, MIB)
    assert world.after(S, sources)["processes"] == 2


@pytest.mark.parametrize("instances", [0, 2])
def test_a_source_says_how_often_it_has_something_new(instances: int) -> None:
    for source in World("h100-80gb", instances=instances).sources():
        for metric in source.metrics:
            assert (metric.period_ns or 0) == source.period_ns


def test_the_sensors_average_of_power_is_known_to_reach_back() -> None:
    metrics = {metric.name: metric for source in World("h100-80gb").sources() for metric in source.metrics}
    assert metrics["power_average"].lookback_ns == S
    assert metrics["power_instant"].lookback_ns == 0


def test_time_of_the_world_begins_late_enough_for_counters_of_64_bits() -> None:
    assert METERS.sent_bytes(START_NS) > 1 << 32
