"""Which samples the averages of GPM lie between, whatever the pace of reading, and readers on drivers that fail."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.gpus.nvml_errors import GpuLostError, NvmlError, NvmlNoDataError
from migperf.gpus.sampled_gpm import SampledGpm
from migperf.gpus.simulation.driver import SimulatedDriver
from migperf.gpus.simulation.meters import BoardReadings, InstanceReadings
from migperf.gpus.simulation.stores import MemoryStore
from tests.gpus.faults import FaultyDriver

MS = 1_000_000
BEGIN, END = 1, 2


class Windows:
    """Meters whose GPM metrics tell from when to when an average is, ms."""

    def board(self, gpu_uuid: str, now_ns: int) -> BoardReadings:
        return BoardReadings()

    def instance(self, gpu_uuid: str, gpu_instance_id: int, now_ns: int) -> InstanceReadings:
        return InstanceReadings()

    def gpm(self, gpu_uuid: str, gpu_instance_id: int | None, metric_id: int, window_ns: tuple[int, int]) -> float:
        return window_ns[metric_id - BEGIN] / MS


class Hand:
    """A faulty driver on a simulated H100, a reader of it, and the clock of both."""

    def __init__(self) -> None:
        self.now_ms = 0
        store = MemoryStore(["h100-80gb"])
        driver = SimulatedDriver(store, meters=Windows(), clock=self.clock)
        self.driver = FaultyDriver(driver, clock=self.clock)
        self.reader = self.driver.gpm_reader(driver.device_by_index(0), None, [BEGIN, END])

    def clock(self) -> int:
        return self.now_ms * MS

    def read_at(self, now_ms: int) -> tuple[float, float] | None:
        """Return the window, None where there is no average yet."""
        self.now_ms = now_ms
        values, codes = self.reader.read()
        assert list(codes) == [0, 0]
        return None if np.isnan(values).all() else (values[0], values[1])


@given(st.lists(st.integers(101, 5000), min_size=2, max_size=20))
def test_at_intervals_over_100_ms_the_averages_cover_all_time_once(steps_ms: list[int]) -> None:
    hand, now_ms = Hand(), 0
    assert hand.read_at(now_ms) is None
    for step_ms in steps_ms:
        assert hand.read_at(now_ms + step_ms) == (now_ms, now_ms + step_ms)
        now_ms += step_ms


@given(st.integers(7, 100), st.integers(20, 60))
def test_at_intervals_up_to_100_ms_each_average_is_as_short_as_may_be(step_ms: int, count: int) -> None:
    hand = Hand()
    for number in range(count):
        window = hand.read_at(number * step_ms)
        if window is not None:
            assert 100 < window[1] - window[0] <= 100 + step_ms


@given(st.integers(1, 6), st.integers(20, 600))
def test_more_often_than_there_is_room_for_an_average_is_of_twice_the_shortest_window_at_most(
    step_ms: int, count: int
) -> None:
    hand = Hand()
    for number in range(count):
        window = hand.read_at(number * step_ms)
        if window is not None:
            assert 100 < window[1] - window[0] < 200


def test_while_the_driver_fails_there_is_no_average_and_none_reaches_across() -> None:
    hand = Hand()
    hand.read_at(0)
    hand.driver.fail_always("gpm_sample", GpuLostError.code)
    for now_ms in (200, 400):
        with pytest.raises(GpuLostError):
            hand.read_at(now_ms)
    hand.driver.heal()
    assert hand.read_at(600) is None
    assert hand.read_at(800) == (600, 800)


def test_metrics_that_fail_as_a_whole_leave_a_gap_too() -> None:
    hand = Hand()
    hand.read_at(0)
    hand.driver.fail_always("gpm_metrics", 999)
    with pytest.raises(NvmlError):
        hand.read_at(200)
    hand.driver.heal()
    assert hand.read_at(400) is None


def test_no_number_is_no_data() -> None:
    hand = Hand()
    metrics = hand.driver.gpm_metrics

    class Blank:
        gpm_sample = staticmethod(hand.driver.gpm_sample)

        def gpm_metrics(self, *pair: object) -> object:
            return tuple(type(answer)(answer.metric_id, float("nan"), None) for answer in metrics(*pair))

    reader = SampledGpm(Blank(), hand.driver.device_by_index(0), None, [BEGIN, END], clock=hand.clock)
    reader.read()
    hand.now_ms = 200
    values, codes = reader.read()
    assert np.isnan(values).all()
    assert list(codes) == [NvmlNoDataError.code] * 2
