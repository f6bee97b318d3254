"""What is known of a job on a profile of a board, and what an instance can be relied on to do within the latency limit.

Pure: what a stored run or a figure given by hand says has been read already.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from migperf.analysis.advisor.demand import LatencyLimit
from migperf.measure.benchmark import Statistic


class Rank(IntEnum):
    """How well evidence speaks for a job under load: the lowest that there is decides."""

    MAX_RATE = 0
    """A search for the highest rate that keeps a latency limit."""
    SERVER = 1
    """Runs at a rate of arrivals."""
    TRAINING = 2
    """Training runs, which have no arrivals."""
    GIVEN_OPEN = 3
    """A figure given by hand, measured while requests arrived by themselves."""
    CLOSED_LOOP = 4
    """Runs in which nothing ever waited: their latency has no queueing."""
    GIVEN_CLOSED = 5
    """A figure given by hand, in which nothing ever waited."""

    @property
    def queueing(self) -> bool:
        """Whether latency includes waiting."""
        return self in (Rank.MAX_RATE, Rank.SERVER, Rank.GIVEN_OPEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One thing that is known of a job on a profile.

    ``per_s`` (samples a second) is None where it does not fit into the memory. ``latency_ms`` has, by statistic, what
    latency was at most at that throughput. ``memory_mib`` is what it took.
    """

    board: str
    profile: str
    rank: Rank
    says: str
    per_s: float | None = None
    latency_ms: Mapping[Statistic, float] | None = None
    memory_mib: float | None = None
    runs: tuple[str, ...] = ()

    def latency_of(self, statistic: Statistic) -> float | None:
        """Return what the statistic was at most, ms; a higher percentile speaks for a lower one. None if unknown."""
        known = self.latency_ms or {}
        if statistic is Statistic.MEAN:
            return known.get(statistic)
        wanted = statistic.quantile or 0.0
        return min((ms for each, ms in known.items() if (each.quantile or 0.0) >= wanted), default=None)


class Excluded(str):
    """Why a job cannot be put on a profile, although it was measured there."""


class Unmeasured(str):
    """What is not known of a job on a profile."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What an instance can be relied on to do, samples a second, and the evidence for it."""

    per_s: float
    evidence: Evidence


Known = Capacity | Excluded | Unmeasured


def capacity_of(found: Sequence[Evidence], limit: LatencyLimit | None) -> Known:
    """Return what can be relied on of one job on one profile.

    Of the evidence that keeps the limit, the best rank decides, and of that the highest throughput.
    """
    usable = [each for each in found if each.per_s is not None]
    if not usable:
        return Excluded(found[0].says) if found else Unmeasured("never measured")
    keeping = [each for each in usable if _keeps(each, limit)]
    if not keeping:
        return _over_limit(usable, limit)
    return _best(keeping)


def slowed(found: Sequence[Evidence], limit: LatencyLimit | None, alone: Capacity, slowdown: float) -> float:
    """Return what is left of a capacity beside a neighbour that makes everything take ``slowdown`` times as long.

    Where time is stretched, a rate as much lower has a latency as much higher: so only evidence counts whose latency
    leaves room for that, of the same rank. Samples a second; 0 where the limit cannot be kept.
    """
    keeping = [each for each in found if each.rank is alone.evidence.rank and _keeps(each, limit, slowdown)]
    return max((each.per_s or 0.0 for each in keeping), default=0.0) / slowdown


def expected_not_to_fit(elsewhere: Iterable[Evidence], memory_mib: int | None) -> str | None:
    """Return why a job will hardly fit into an instance with so much memory, from what it took elsewhere."""
    taken = [each.memory_mib for each in elsewhere if each.memory_mib is not None]
    if not taken or memory_mib is None or min(taken) <= memory_mib:
        return None
    return f"it took {min(taken):,.0f} MiB elsewhere and {memory_mib:,} MiB are there: it will hardly fit"


def _best(keeping: Sequence[Evidence]) -> Capacity:
    rank = min(each.rank for each in keeping)
    best = max((each for each in keeping if each.rank is rank), key=lambda each: each.per_s or 0.0)
    return Capacity(best.per_s or 0.0, best)


def _keeps(evidence: Evidence, limit: LatencyLimit | None, slowdown: float = 1.0) -> bool:
    if evidence.per_s is None:
        return False
    if limit is None:
        return True
    latency = evidence.latency_of(limit.statistic)
    return latency is not None and latency * slowdown <= limit.limit_ms


def _over_limit(usable: Sequence[Evidence], limit: LatencyLimit | None) -> Excluded | Unmeasured:
    if limit is None:
        raise AssertionError("without a limit everything keeps it")
    latencies = [ms for each in usable if (ms := each.latency_of(limit.statistic)) is not None]
    if not latencies:
        return Unmeasured(f"measured, but without the {limit.statistic} of latency")
    return Excluded(f"{limit.statistic} of latency is {min(latencies):.4g} ms at best, the limit {limit.limit_ms:g} ms")
