"""The sampler keeps its rate by absolute deadlines; a source that fails leaves a gap with a reason, never a zero."""

import time
from collections.abc import Mapping

import numpy as np

from migperf.metrics.metric import Metric, Scope
from migperf.metrics.sampler import Sampler
from migperf.metrics.series import Series
from migperf.metrics.source import SourceError

TICKS = Metric(name="ticks", unit="1", scope=Scope.PROCESS, source="test")


class Counting:
    """Counts its readings; may stall, skip values, or fail."""

    metrics = (TICKS,)

    def __init__(
        self,
        stall_at: int = -1,
        missing_at: int = -1,
        nan_at: int = -1,
        error_at: int = -1,
        error: Exception | None = None,
    ):
        self.readings = 0
        self.closed = False
        self._stall_at, self._missing_at, self._error_at = stall_at, missing_at, error_at
        self._nan_at = nan_at
        self._error = error or SourceError("gone")

    def close(self) -> None:
        self.closed = True

    def read(self, now_ns: int) -> Mapping[str, float]:
        self.readings += 1
        if self.readings == self._stall_at:
            time.sleep(0.2)
        if self.readings == self._error_at:
            raise self._error
        if self.readings == self._missing_at:
            return {}
        return {"ticks": float("nan") if self.readings == self._nan_at else float(self.readings)}


def sample(source: Counting, hz: float, seconds: float) -> dict[str, Series]:
    sampler = Sampler([source], hz)
    sampler.start()
    time.sleep(seconds)
    sampler.stop()
    return {series.metric.name: series for series in sampler.series()}


def test_samples_fall_on_a_grid_of_absolute_deadlines() -> None:
    series = sample(Counting(), hz=50, seconds=0.6)
    due_ns = series["ticks"].all().time_ns - series["sampler_lateness"].all().value * 1e6
    steps = np.diff(due_ns) / 20e6
    assert len(steps) > 15
    assert np.allclose(steps, np.round(steps), atol=0.05), "each due time is a whole number of periods after the last"


def test_deadlines_missed_in_a_stall_are_left_out_not_made_up() -> None:
    ticks = sample(Counting(stall_at=5), hz=50, seconds=0.6)["ticks"].all()
    gap_ns = np.diff(ticks.time_ns).max()
    assert gap_ns > 180e6
    assert ticks.value.tolist() == [float(i + 1) for i in range(len(ticks))]


def test_a_value_that_is_missing_once_is_a_gap() -> None:
    for source in (Counting(missing_at=3), Counting(nan_at=3)):
        ticks = sample(source, hz=50, seconds=0.3)["ticks"].all()
        assert ticks.value[:3].tolist() == [1.0, 2.0, 4.0]


def test_sources_are_closed_when_sampling_ends_however_it_ends() -> None:
    for source in (Counting(), Counting(error_at=2)):
        sample(source, hz=50, seconds=0.1)
        assert source.closed


def test_a_failed_source_keeps_its_samples_and_says_why_there_are_no_more() -> None:
    for error, reason in (
        (SourceError("unplugged"), "unplugged"),
        (ZeroDivisionError("oops"), "ZeroDivisionError: oops"),
    ):
        series = sample(Counting(error_at=4, error=error), hz=50, seconds=0.3)
        assert series["ticks"].absent == reason
        assert series["ticks"].all().value.tolist() == [1.0, 2.0, 3.0]
        assert len(series["sampler_cost"]) > 4, "the sampler itself goes on"
