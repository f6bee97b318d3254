"""Words of a report: what figures are called, and values with the digits that can be defended."""

from migperf.statistics.digits import show
from migperf.statistics.samples import Interval

_WORDS = {
    "throughput": "throughput",
    "energy_per_sample": "energy per sample",
    "energy_estimate_per_sample": "estimated energy per sample",
    "gract_mean": "graphics engine active (GRACT)",
    "sm_active_mean": "multiprocessors active",
}
_TIMINGS = {"latency": "latency", "batch_time": "time per batch", "step_time": "time per step"}
NONE = "–"


def figure_words(name: str) -> str:
    """Return what a figure is called in headings, such as ``latency, p99``."""
    for timing, words in _TIMINGS.items():
        if name.startswith(f"{timing}_"):
            return f"{words}, {name.removeprefix(f'{timing}_')}"
    return _WORDS.get(name, name.replace("_", " "))


def value_and_interval(value: float, interval: Interval | None) -> tuple[str, str]:
    """Return a value and its interval, such as ``103.4`` and ``101.2 to 105.6 (95 %)``."""
    if interval is None:
        return show(value).value, NONE
    shown = show(value, interval.low, interval.high)
    return shown.value, f"{shown.low} to {shown.high} ({100 * interval.level:g} %)"
