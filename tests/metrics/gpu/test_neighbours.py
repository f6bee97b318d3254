"""What the other instances of a board do is a mean over their multiprocessors, or absent with the reason."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.metrics.gpu.instance_activity import Activity
from migperf.metrics.gpu.neighbours import BoardActivity, NeighboursSource, others_active_pct
from migperf.metrics.metric import Scope
from tests.metrics.gpu.broken import BrokenDriver
from tests.metrics.gpu.test_power_estimate import LoadedMeters
from tests.metrics.gpu.world import S, World

PERCENT = st.floats(0, 100, allow_subnormal=False)


class Board:
    """A cut GPU, each of whose instances has a run that wants to know of the others."""

    def __init__(self, instances: int = 3, board: str = "h100-80gb") -> None:
        self.meters = LoadedMeters()
        self.world = World(board, instances=instances, meters=self.meters)
        self.driver = BrokenDriver(self.world.driver, clock=lambda: self.world.now_ns)
        self.activity = BoardActivity(self.driver, self.world.gpu_uuid)  # type: ignore[arg-type]
        self.sources = {
            self.world.instance_id(p) or 0: NeighboursSource(self.activity, p) for p in self.world.partitions
        }
        self.read()

    def second(self, *active_pct: float) -> list[float]:
        """Let a second pass with these activities; return what each run is told at its end."""
        self.meters.active_pct = dict(zip(self.sources, active_pct, strict=False))
        self.world.now_ns += S
        return self.read()

    def read(self) -> list[float]:
        return [float(source.read(self.world.now_ns)[0]) for source in self.sources.values()]

    def states(self) -> set[str | None]:
        reasons = {source.why_not(0) for source in self.sources.values()}
        return {None if reason is None else reason.state.value for reason in reasons}


def test_each_run_is_told_of_the_others_and_never_of_itself() -> None:
    board = Board()
    assert board.second(90, 30, 0) == pytest.approx([15, 45, 60])
    assert board.second(0, 0, 0) == pytest.approx([0, 0, 0])
    assert board.states() == {None}


def test_before_a_period_has_passed_it_is_too_early() -> None:
    board = Board()
    assert all(map(math.isnan, board.read()))
    assert board.states() == {None}


def test_who_is_alone_on_a_board_has_no_busy_neighbour() -> None:
    assert Board(instances=1).second(80) == [0]


def test_a_board_without_gpm_says_so() -> None:
    board = Board(board="a100-80gb")
    board.second(50)
    assert board.states() == {"not_supported"}


@pytest.mark.parametrize(("code", "state"), [(4, "no_permission"), (15, "lost"), (999, "failed")])
@pytest.mark.parametrize("call", ["gpm_sample", "mig_device_by_index"])
def test_a_call_that_fails_makes_it_absent_until_it_heals(call: str, code: int, state: str) -> None:
    board = Board()
    board.driver.fail_always(call, code)
    assert all(map(math.isnan, board.second(50, 50, 50)))
    lost_to_one = call == "gpm_sample" and state == "lost"
    assert board.states() == {"no_data" if lost_to_one else state}
    board.driver.heal()
    for _ in range(12):
        board.second(50, 50, 50)
    assert board.read() == pytest.approx([50, 50, 50])


def test_an_instance_that_is_gone_has_no_neighbours() -> None:
    board = Board()
    board.second(50, 50, 50)
    first = next(iter(board.sources.values()))
    first._uuid = "MIG-gone"
    board.second(50, 50, 50)
    assert first.why_not(0) is not None


def test_all_runs_on_a_board_are_served_by_one_reading_and_the_last_one_closes_it() -> None:
    board = Board()
    before = len(board.driver.calls)
    board.second(10, 10, 10)
    once = len(board.driver.calls) - before
    for source in list(board.sources.values())[1:]:
        source.close()
        source.close()
    board.sources = dict([next(iter(board.sources.items()))])
    before = len(board.driver.calls)
    board.second(10)
    assert len(board.driver.calls) - before == once, "one run costs what three do"
    next(iter(board.sources.values())).close()
    assert board.activity._meter.instance_ids == {}


def test_it_is_a_mean_of_the_board_over_a_second() -> None:
    (metric,) = next(iter(Board().sources.values())).metrics
    assert (metric.name, metric.scope, metric.unit) == ("neighbours_sm_active", Scope.GPU, "%")
    assert metric.lookback_ns == metric.period_ns == S


@given(st.dictionaries(st.integers(0, 6), st.tuples(PERCENT, st.integers(1, 132)), max_size=7), st.integers(0, 6))
def test_the_mean_weighs_instances_by_their_size_and_lies_between_them(
    parts: dict[int, tuple[float, int]], mine: int
) -> None:
    activities = {of: Activity(pct, sms) for of, (pct, sms) in parts.items()}
    others = [pct for of, (pct, _) in parts.items() if of != mine]
    mean = others_active_pct(activities, mine)
    assert min(others, default=0) - 1e-9 <= mean <= max(others, default=0) + 1e-9
    assert mean == others_active_pct({of: a for of, a in activities.items() if of != mine}, mine)
