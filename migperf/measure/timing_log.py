"""The series of what a child timed: its steps or requests, and the parts of each."""

from collections.abc import Iterator

from migperf.measure.benchmark import Scenario
from migperf.measure.events import Timings
from migperf.metrics.metric import Kind, Metric, Scope
from migperf.metrics.series import Chunk, Series, SeriesUpdate
from migperf.metrics.series_log import SeriesLog

NS_PER_MS = 1_000_000
LATENCY = "latency"
TIMING_NAME = {
    Scenario.OFFLINE: "batch_time",
    Scenario.SINGLE_STREAM: LATENCY,
    Scenario.MULTI_STREAM: LATENCY,
    Scenario.SERVER: LATENCY,
    Scenario.TRAIN: "step_time",
}


def timing_metric(scenario: Scenario) -> Metric:
    """Return the metric of what the scenario times: a batch, a request or a training step, ms."""
    return _duration(TIMING_NAME[scenario])


def part_metric(part: str) -> Metric:
    """Return the metric of a part of what is timed, ms; its samples stand where their steps began."""
    return _duration(f"{part}_time")


class TimingLog:
    """One series of the steps, and one of each part that the child told of."""

    def __init__(self, scenario: Scenario) -> None:
        self._steps = SeriesLog(timing_metric(scenario))
        self._parts: dict[str, SeriesLog] = {}

    def add(self, timings: Timings) -> None:
        """Record what the child said."""
        start_ns, duration_ns, parts = timings.unpack()
        self._steps.extend(Chunk(start_ns, duration_ns / NS_PER_MS))
        for part, took_ns in parts.items():
            there = took_ns >= 0
            log = self._parts.setdefault(part, SeriesLog(part_metric(part)))
            log.extend(Chunk(start_ns[there], took_ns[there] / NS_PER_MS))

    def take(self) -> list[SeriesUpdate]:
        """Return what was added since the last call."""
        return [update for log in self._logs() for update in log.take()]

    def series(self) -> list[Series]:
        """Return everything."""
        return [series for log in self._logs() for series in log.series()]

    def _logs(self) -> Iterator[SeriesLog]:
        yield self._steps
        yield from self._parts.values()


def _duration(name: str) -> Metric:
    return Metric(name=name, unit="ms", scope=Scope.PROCESS, source="timer", kind=Kind.DURATION)
