"""What the service answers about comparisons of runs, as frozen models."""

from typing import Literal

from pydantic import Field, JsonValue

from migperf.analysis.terms import Aspect, Per, StatisticName
from migperf.client.models import FigureInterval
from migperf.client.view import View
from migperf.statistics.verdict import Verdict


class RankTestView(View):
    """A Mann-Whitney test, two-sided, of runs, or of batches of steps, which speak of these very runs only."""

    p_value: float
    unit: Literal["runs", "batches"]
    baseline_units: int
    candidate_units: int


class EffectSizeView(View):
    """How the candidate's steps lie to the baseline's: descriptive, without error bars."""

    superiority: float
    """Probability that a step of the candidate is shorter, ties counted half."""
    cliffs_delta: float
    """The same from -1 (every step longer) to 1 (every step shorter)."""


class NeededView(View):
    """What would decide an undecided comparison, with 80 % power; ``runs_each`` None: more than 1,000."""

    runs_each: int | None = None
    to_show: str


class ComparedView(View):
    """A comparison in one quantity; values in ``unit``, ``ratio`` the candidate's over the baseline's."""

    unit: str
    baseline_value: float
    candidate_value: float
    verdict: Verdict
    ratio: float
    interval: FigureInterval
    basis: str
    baseline_runs: int
    candidate_runs: int
    spread_rel: float
    within_share: float | None = None
    ranks: RankTestView
    effect: EffectSizeView
    needed: NeededView | None = None
    why: str


class ClocksView(View):
    """The clock of the multiprocessors over each side's steps, MHz, and the steps left out as it is not known."""

    baseline_mhz: float
    candidate_mhz: float
    baseline_left_out: int
    candidate_left_out: int


class ClockEvidenceView(View):
    """The comparison in clock cycles, which tells slower from clocked down."""

    cycles: ComparedView
    clocks: ClocksView
    why: str


class DifferenceView(View):
    """One thing that is not the same in all runs; each value once, None where it was not recorded."""

    aspect: Aspect
    name: str
    baseline: tuple[JsonValue, ...]
    candidate: tuple[JsonValue, ...]


class CandidateView(View):
    """What can be said of a candidate beside the baseline. What is None has its reason beside it."""

    runs: tuple[str, ...]
    per: Per
    headline: str
    in_time: ComparedView | None = None
    in_time_absent: str | None = None
    in_cycles: ClockEvidenceView | None = None
    in_cycles_absent: str | None = None
    same_work: bool
    tainted: dict[str, list[str]] = Field(default_factory=dict)
    differences: tuple[DifferenceView, ...]

    @property
    def verdict(self) -> Verdict | None:
        """The verdict in time; None where the runs' steps do not support a comparison."""
        return None if self.in_time is None else self.in_time.verdict


class ComparisonView(View):
    """A baseline beside candidates, in the order in which they were given."""

    baseline: tuple[str, ...]
    metric: str
    statistic: StatisticName
    margin: float
    level: float
    paired: bool
    simulated: bool
    candidates: tuple[CandidateView, ...]
