"""How long a group of runs will take: from what its benchmarks ask for, or from how long such runs took before."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from migperf.experiments.group import GroupSpec
from migperf.measure.benchmark import Benchmark

OVERHEAD_S = 4.0
"""What a run takes beside warm-up and measuring: building the payload, counting its cost, storing its result."""
SEARCHES = 12
"""So many trials a search takes, about."""
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
    each = [_of_run(member.benchmark, timeout_s, seen) for member in spec.members]
    return Duration(max(d.expected_s for d in each), max(d.longest_s for d in each), all(d.seen for d in each))


def total(durations: Iterable[Duration]) -> Duration:
    """Return how long all take, one after the other."""
    found = list(durations)
    seen = bool(found) and all(d.seen for d in found)
    return Duration(sum(d.expected_s for d in found), sum(d.longest_s for d in found), seen)


def _of_run(benchmark: Benchmark, timeout_s: float, seen: Seen) -> Duration:
    method, trials = benchmark.method, 1 if benchmark.search is None else SEARCHES
    warmup_s = method.warmup_s if method.steady_within is None else max(method.warmup_s, method.warmup_max_s / 3)
    longest_s = min(timeout_s, OVERHEAD_S + trials * (method.warmup_max_s + method.max_s))
    took_s = seen(benchmark.fingerprint())
    if took_s is not None:
        return Duration(took_s, max(took_s, longest_s), seen=True)
    # How many steps the precision asked for takes nobody knows before: somewhere between the limits.
    measuring_s = method.min_s if method.precision is None else (method.min_s * method.max_s) ** 0.5
    return Duration(min(OVERHEAD_S + trials * (warmup_s + measuring_s), longest_s), longest_s)
