"""From a run's timings and series to the figures of its result; only the measured window counts."""

from collections.abc import Iterable

from migperf.measure.benchmark import Benchmark, Method
from migperf.measure.energy_figures import Work
from migperf.measure.events import Finished
from migperf.measure.figures import ResultFigure
from migperf.measure.timing_figures import Level, part_figures, throughput_figure, timing_figures
from migperf.measure.timing_log import TIMING_NAME
from migperf.measure.watched import watched_figures
from migperf.metrics.series import Series
from migperf.metrics.summary import Window
from migperf.statistics.precision import cautious_level


def measured_window(finished: Finished) -> Window:
    """Return the measured window of a run that finished."""
    return Window(finished.window_start_ns, finished.window_end_ns)


def summarise(
    benchmark: Benchmark, finished: Finished, series: Iterable[Series], *, whole_board: bool
) -> tuple[ResultFigure, ...]:
    """Return the figures of a run that finished: speed, what the child reported, and what was watched.

    ``whole_board`` says that the run had the whole GPU, so that the energy of the board is its own.
    """
    name, window, unit = TIMING_NAME[benchmark.scenario], measured_window(finished), f"{finished.sample_unit}/s"
    all_series = tuple(series)
    timed = next(one for one in all_series if one.metric.name == name).chunk
    parts = [one.metric.name for one in all_series if one.metric.source == "timer" and one.metric.name != name]
    in_window = timed.between(window.start_ns, window.end_ns)
    level = interval_level(benchmark.method, finished)
    work = Work(len(in_window) * finished.samples_per_step, finished.sample_unit)
    return (
        throughput_figure(timed, window, finished.samples_per_step, unit, level),
        *timing_figures(name, in_window.value, level, finished.unanswered),
        *part_figures(all_series, parts, window, level),
        *finished.figures,
        *watched_figures(all_series, window, work, whole_board=whole_board),
    )


def interval_level(method: Method, finished: Finished) -> Level:
    """Return the level of the intervals: claimed, and to compute with.

    Where the width of an interval decided the end, intervals are computed at a somewhat higher level than they claim.
    """
    sequential = finished.measuring_ended_by == "precision"
    return Level(claimed=method.level, used=cautious_level(method.level) if sequential else method.level)
