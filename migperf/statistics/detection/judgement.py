"""What is said of a history after each of its points."""

from dataclasses import dataclass

from migperf.statistics.detection.verdict import HistoryVerdict, Revision
from migperf.statistics.samples import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of level before the point ``first``, counted from 0 as all indices here.

    ``earliest`` and ``latest`` bound it (they did in 99 of 100 simulated histories, also correlated ones). ``ratio`` is
    the level after over the level before, with its interval. ``evidence`` is a standard normal deviate. ``before`` and
    ``after`` are the points that the levels rest on. ``provisional``: later points may still move or withdraw it.
    """

    first: int
    earliest: int
    latest: int
    ratio: float
    interval: Interval
    worse: bool
    evidence: float
    before: int
    after: int
    provisional: bool

    @property
    def first_bad(self) -> int | None:
        """The first point at the worse level; None for an improvement."""
        return self.first if self.worse else None

    @property
    def last_good(self) -> int | None:
        """The last point at the better level; None for an improvement."""
        return self.first - 1 if self.worse else None


@dataclass(frozen=True, slots=True)
class Event:
    """How the changes differ from those before this point: ``first`` of the one concerned, and what it was before.

    ``was`` is None for one that was added; ``first`` is None for one that was withdrawn.
    """

    revision: Revision
    first: int | None
    was: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is said of a metric as of its newest point.

    ``changes`` ascend in time. ``events`` tell how they differ from those of the judgement before. ``suspected`` is a
    change that is likely enough to run the benchmark once more and not enough for an alarm. ``noise_rel`` is the
    relative standard deviation of points about their level.
    """

    verdict: HistoryVerdict
    points: int
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()
    suspected: Change | None = None
    noise_rel: float | None = None
    why: str
