"""The estimate of instances' power adds up to what the board takes above idle, and is absent where it cannot be had."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.gpus.driver import FieldId
from migperf.gpus.partition import Partition, PartitionKind
from migperf.gpus.simulation.meters import BoardReadings
from migperf.metrics.absence import Absence
from migperf.metrics.gpu.estimate import EstimateSource, PowerShares, shares_w
from migperf.metrics.gpu.instance_activity import Activity
from migperf.metrics.metric import Scope
from tests.metrics.gpu.broken import BrokenDriver
from tests.metrics.gpu.world import KnownMeters, S, World

IDLE_W = 90
WATTS_PER_SM = 4
PERCENT = st.floats(0, 100, allow_subnormal=False)


class LoadedMeters(KnownMeters):
    """A board whose power is a straight function of its active multiprocessors; the test sets who is how active."""

    def __init__(self) -> None:
        self.active_pct: dict[int, float] = {}
        self.power_w = float(IDLE_W)
        self._energy_j, self._since_ns = 0.0, 0

    def load(self, now_ns: int, power_w: float, active_pct: dict[int, float]) -> None:
        """Take this power from now on."""
        self._energy_j += (now_ns - self._since_ns) / S * self.power_w
        self._since_ns, self.power_w, self.active_pct = now_ns, power_w, active_pct

    def board(self, gpu_uuid: str, now_ns: int) -> BoardReadings:
        energy_j = self._energy_j + (now_ns - self._since_ns) / S * self.power_w
        return BoardReadings(energy_mj=round(energy_j * 1000), power_average_mw=round(self.power_w * 1000))

    def gpm(self, gpu_uuid: str, gpu_instance_id: int | None, metric_id: int, window_ns: tuple[int, int]) -> float:
        assert metric_id == 2
        return self.active_pct.get(gpu_instance_id or 0, 0.0)


class Shared:
    """A cut GPU, each of whose instances has a run that wants to know its share."""

    def __init__(self, instances: int = 3, board: str = "h100-80gb") -> None:
        self.meters = LoadedMeters()
        self.world = World(board, instances=instances, meters=self.meters)
        self.driver = BrokenDriver(self.world.driver, clock=lambda: self.world.now_ns)
        self.shares = PowerShares(self.driver, self.world.gpu_uuid)  # type: ignore[arg-type]
        self.sources = {self.world.instance_id(p) or 0: EstimateSource(self.shares, p) for p in self.world.partitions}
        self.sm_count = {self.world.instance_id(p) or 0: p.sm_count or 0 for p in self.world.partitions}

    def second(self, active_pct: dict[int, float] | None = None, extra_w: float = 0.0) -> dict[int, float]:
        """Let a second pass with this activity; return the estimates at its end."""
        active = dict(zip(self.sources, (active_pct or {}).values(), strict=False))
        busy = sum(pct / 100 * self.sm_count[instance_id] for instance_id, pct in active.items())
        self.meters.load(self.world.now_ns, IDLE_W + WATTS_PER_SM * busy + extra_w, active)
        self.world.now_ns += S
        return self.read()

    def read(self) -> dict[int, float]:
        return {key: float(source.read(self.world.now_ns)[0]) for key, source in self.sources.items()}

    def reasons(self) -> set[Absence | None]:
        return {source.why_not(0) for source in self.sources.values()}

    def see_idle(self) -> None:
        for _ in range(3):
            self.second()

    def state(self) -> str:
        (reason,) = self.reasons()
        assert reason is not None
        return reason.state.value


def test_shares_add_up_to_what_the_board_takes_above_idle() -> None:
    shared = Shared()
    shared.see_idle()
    for load in ({1: 100, 2: 50, 3: 0}, {1: 10, 2: 20, 3: 30}, {1: 99, 2: 99, 3: 99}):
        seen = shared.second(load)
        assert sum(seen.values()) == pytest.approx(shared.meters.power_w - IDLE_W, abs=0.01)
        expected = [
            pct / 100 * sms * WATTS_PER_SM for pct, sms in zip(load.values(), shared.sm_count.values(), strict=True)
        ]
        assert list(seen.values()) == pytest.approx(expected, abs=0.01)


def test_a_larger_instance_that_is_as_active_gets_more() -> None:
    shared = Shared(instances=1)
    shared.world.add_instance(slot=1)
    small, large = shared.world.partitions
    shared.sources = {n: EstimateSource(shared.shares, p) for n, p in enumerate((small, large))}
    ids = [shared.world.instance_id(p) or 0 for p in (small, large)]
    for _ in range(3):
        shared.meters.load(shared.world.now_ns, IDLE_W, {})
        shared.world.now_ns += S
        shared.read()
    shared.meters.load(shared.world.now_ns, IDLE_W + 90, dict.fromkeys(ids, 80.0))
    shared.world.now_ns += S
    seen = shared.read()
    assert seen[1] / seen[0] == pytest.approx((large.sm_count or 0) / (small.sm_count or 1), rel=1e-3)


def test_until_idle_power_was_seen_there_is_no_estimate() -> None:
    shared = Shared()
    shared.second({1: 50})
    assert shared.reasons() == {None}, "too early"
    shared.second({1: 50})
    assert shared.state() == "no_data"
    assert "idle" in str(shared.reasons())
    shared.see_idle()
    assert shared.shares.idle_w == pytest.approx(IDLE_W, abs=0.01)
    assert not math.isnan(sum(shared.second({1: 50}).values()))


def test_idle_power_is_the_lowest_that_was_seen() -> None:
    shared = Shared()
    shared.second()
    shared.second(extra_w=30)
    assert shared.shares.idle_w == pytest.approx(IDLE_W + 30, abs=0.01)
    shared.second()
    shared.second(extra_w=30)
    assert shared.shares.idle_w == pytest.approx(IDLE_W, abs=0.01)


def test_while_nobody_computes_nobody_has_a_share() -> None:
    shared = Shared()
    shared.see_idle()
    assert set(shared.second(extra_w=20).values()) == {0.0}


def test_seven_runs_cost_one_computation() -> None:
    shared = Shared(instances=7)
    shared.see_idle()
    shared.driver.calls.clear()
    shared.second({1: 50})
    assert shared.driver.calls.count("gpm_sample") == 7
    assert shared.driver.calls.count("field_values") == 1


@pytest.mark.parametrize(
    ("code", "state"), [(3, "not_supported"), (4, "no_permission"), (21, "no_data"), (999, "failed")]
)
@pytest.mark.parametrize(
    "call", ["gpm_sample", "field_values", "gpm_reader", "gpu_instance_by_id", "mig_device_by_index"]
)
def test_without_one_of_its_readings_the_estimate_is_absent_and_heals(call: str, code: int, state: str) -> None:
    shared = Shared()
    shared.see_idle()
    begins_anew = call in ("gpm_reader", "gpu_instance_by_id")
    if begins_anew:
        shared.world.add_instance()
    shared.driver.fail_always(call, code)
    if call == "field_values" and code == 3:
        shared.driver.fail_always("energy_mj", code)
        shared.driver.fail_always("power_mw", code)
    seen = shared.second({1: 50})
    assert all(math.isnan(value) for value in seen.values())
    assert shared.state() == state
    shared.driver.heal()
    for _ in range(14):
        seen = shared.second({1: 50})
    assert sum(seen.values()) == pytest.approx(shared.meters.power_w - IDLE_W, abs=0.01)


def test_without_an_energy_counter_the_sensors_average_does() -> None:
    shared = Shared()
    shared.driver.fail_single(FieldId.ENERGY_MJ, 3)
    shared.driver.fail_always("energy_mj", 3)
    shared.see_idle()
    seen = shared.second({1: 50, 2: 20})
    assert sum(seen.values()) == pytest.approx(shared.meters.power_w - IDLE_W, abs=0.01)


def test_an_energy_counter_that_goes_back_gives_no_estimate() -> None:
    shared = Shared()
    shared.see_idle()
    shared.meters._energy_j -= 10_000
    assert all(math.isnan(value) for value in shared.second({1: 50}).values())
    assert shared.state() == "no_data"
    assert not math.isnan(sum(shared.second({1: 50}).values()))


def test_a_neighbour_that_cannot_be_read_leaves_no_estimate_for_anybody() -> None:
    shared = Shared()
    shared.see_idle()
    original, ids = shared.meters.gpm, list(shared.sources)
    shared.meters.gpm = lambda gpu, i, m, w: None if i == ids[1] else original(gpu, i, m, w)  # type: ignore
    seen = shared.second({1: 50})
    assert all(math.isnan(value) for value in seen.values())
    assert f"GPU instance {ids[1]}" in str(shared.reasons())


def test_instances_that_come_and_go_are_taken_into_account() -> None:
    shared = Shared(instances=2)
    shared.see_idle()
    shared.world.add_instance()
    shared.second({1: 50, 2: 50})
    assert not math.isnan(sum(shared.second({1: 50, 2: 50}).values()))
    gone, *_ = shared.sources
    shared.world.remove_instance(gone)
    for _ in range(3):
        seen = shared.second({1: 0, 2: 50})
    assert math.isnan(seen[gone])
    reason = shared.sources[gone].why_not(0)
    assert reason is not None
    assert reason.state == "lost"


def test_boards_without_gpm_have_no_estimate() -> None:
    shared = Shared(board="a100-80gb")
    shared.see_idle()
    assert shared.state() == "not_supported"


def test_a_whole_gpu_has_power_and_no_share_of_it() -> None:
    whole = Partition(uuid="GPU-1", gpu_uuid="GPU-1", kind=PartitionKind.GPU, model="H100")
    source = EstimateSource(Shared().shares, whole)
    assert math.isnan(source.read(0)[0])
    reason = source.why_not(0)
    assert reason is not None
    assert reason.state == "not_supported"


def test_it_is_named_an_estimate_and_scoped_to_the_instance() -> None:
    (source, *_) = Shared().sources.values()
    (metric,) = source.metrics
    assert (metric.name, metric.source, metric.scope) == ("power_estimate", "estimate", Scope.INSTANCE)


def test_nothing_is_held_open_when_nobody_asks_any_more_but_idle_power_is_remembered() -> None:
    shared = Shared()
    shared.see_idle()
    for source in shared.sources.values():
        source.close()
        source.close()
    shared.driver.calls.clear()
    seen = shared.second({1: 50})
    assert all(math.isnan(value) for value in seen.values())
    assert shared.reasons() == {None}, "its readings begin anew"
    assert not math.isnan(sum(shared.second({1: 50}).values()))


@given(
    st.dictionaries(st.integers(1, 14), st.tuples(PERCENT, st.integers(1, 132)), min_size=1, max_size=7),
    st.floats(0, 1000),
    st.floats(0, 300),
)
def test_shares_are_never_negative_and_never_more_than_there_is(
    load: dict[int, tuple[float, int]], power_w: float, idle_w: float
) -> None:
    given_w = shares_w(power_w, idle_w, {key: Activity(pct, sms) for key, (pct, sms) in load.items()})
    assert all(share >= 0 for share in given_w.values())
    above = max(0.0, power_w - idle_w)
    busy = any(pct > 0 for pct, _ in load.values())
    assert sum(given_w.values()) == pytest.approx(above if busy else 0.0, rel=1e-9, abs=1e-9)
