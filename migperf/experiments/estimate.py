"""How long a group of runs will take: from what its benchmarks ask for, or from how long such runs took before."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil, inf, log2

from migperf.experiments.group import GroupSpec
from migperf.measure.benchmark import Benchmark, Method
from migperf.measure.search import MaxBatch, MaxRate
from migperf.measure.searching.rate_search import MOST_TRIALS, STEP

OVERHEAD_S = 4.0
"""What a run takes beside warm-up and measuring: building the payload, counting its cost, storing its result."""
BATCH_TRIAL_S = 5.0
"""What one trial of a batch size takes, about: a child of its own that builds the payload and takes four steps."""
SPARE_TRIALS = 3
"""So many rates are tried, about, until the limit lies between two of them; then they are bisected."""
RECUT_S = 5.0
"""What cutting a GPU anew takes, about."""

Seen = Callable[[str], float | None]
"""How long runs of a fingerprint took here before, seconds, if there were any."""


def nothing_seen(fingerprint: str) -> None:
    """Know of no earlier run."""


@dataclass(frozen=True, slots=True)
class Duration:
    """Seconds, as expected and at most; ``seen`` says that it rests on earlier runs, and not on what is asked for."""

    expected_s: float
    longest_s: float
    seen: bool = False

    def __add__(self, other: "Duration") -> "Duration":
        """Return how long both take, one after the other."""
        return Duration(self.expected_s + other.expected_s, self.longest_s + other.longest_s, self.seen and other.seen)


def duration_of(spec: GroupSpec, timeout_s: float, seen: Seen = nothing_seen) -> Duration:
    """Return how long one repeat of a cell takes: that of its longest run."""
    each = [duration_of_run(member.benchmark, timeout_s, seen) for member in spec.members]
    return Duration(max(d.expected_s for d in each), max(d.longest_s for d in each), all(d.seen for d in each))


def total(durations: Iterable[Duration]) -> Duration:
    """Return how long all take, one after the other."""
    found = list(durations)
    seen = bool(found) and all(d.seen for d in found)
    return Duration(sum(d.expected_s for d in found), sum(d.longest_s for d in found), seen)


def duration_of_run(benchmark: Benchmark, timeout_s: float, seen: Seen = nothing_seen) -> Duration:
    """Return how long a run takes that is not stopped before; ``timeout_s`` ends it at the latest."""
    asked = _asked_for(benchmark)
    longest_s = min(timeout_s, OVERHEAD_S + asked.longest_s)
    took_s = seen(benchmark.fingerprint())
    if took_s is not None:
        return Duration(took_s, max(took_s, longest_s), seen=True)
    return Duration(min(longest_s, OVERHEAD_S + asked.expected_s), longest_s)


def _asked_for(benchmark: Benchmark) -> Duration:
    match benchmark.search:
        case MaxBatch() as search:
            doublings = search.limit.bit_length()
            return Duration(BATCH_TRIAL_S * doublings, inf)
        case MaxRate() as search:
            bisections = log2(log2(STEP) / log2(1 + search.tolerance))
            trials = SPARE_TRIALS + max(0, ceil(bisections))
            warmup, window = _warmup(benchmark.method), _window(benchmark.method)
            each_s = benchmark.method.warmup_s + search.trial_max_s / 2
            most_s = MOST_TRIALS * (benchmark.method.warmup_max_s + search.trial_max_s)
            searching = Duration(trials * each_s, most_s)
            return searching + warmup + window
        case None:
            return _warmup(benchmark.method) + _window(benchmark.method)


def _warmup(method: Method) -> Duration:
    """Between the least and the most; a third of the most where it goes on until steps are steady."""
    if method.steady_within is None:
        return Duration(method.warmup_s, method.warmup_max_s)
    return Duration(max(method.warmup_s, method.warmup_max_s / 3), method.warmup_max_s)


def _window(method: Method) -> Duration:
    """How many steps a precision takes nobody knows before: the geometric mean of the least and the most stands in."""
    if method.precision is None:
        return Duration(method.min_s, method.max_s)
    return Duration(max(method.min_s, (max(method.min_s, 1.0) * method.max_s) ** 0.5), method.max_s)
