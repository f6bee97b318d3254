"""A comparison of runs: what can be said of each candidate, and what it rests on."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Self

from pydantic import ConfigDict, Field, JsonValue

from api.schemas import comparison_examples as examples
from api.schemas.view import View
from migperf.analysis.terms import Aspect, Per, StatisticName
from migperf.measure.figures import Interval
from migperf.statistics.ranks import Unit
from migperf.statistics.spreads import Basis
from migperf.statistics.verdict import Verdict

if TYPE_CHECKING:
    from migperf.analysis.clock_evidence import Clocks
    from migperf.analysis.comparison import CandidateAnswer, ClockEvidence
    from migperf.analysis.differences import Difference
    from migperf.analysis.measured import MeasuredRun
    from migperf.analysis.question import Compared, Question
    from migperf.statistics.ranks import EffectSize


class RankTestView(View):
    """A Mann-Whitney test, two-sided."""

    p_value: float = Field(description="Probability of ranks as far apart by chance alone.")
    unit: Unit = Field(description="What was ranked: runs, or batches of steps, which speak of these very runs only.")
    baseline_units: int
    candidate_units: int


class EffectSizeView(View):
    """How the candidate's steps lie to the baseline's; descriptive, without error bars."""

    superiority: float = Field(description="Probability that a step of the candidate is shorter, ties counted half.")
    cliffs_delta: float = Field(description="The same from -1 (every step longer) to 1 (every step shorter).")

    @classmethod
    def of(cls, effect: "EffectSize") -> Self:
        """Show an effect size."""
        return cls(superiority=effect.superiority, cliffs_delta=effect.cliffs_delta)


class NeededView(View):
    """What would decide an undecided comparison, with 80 % power, if the ratio is what it seems to be."""

    runs_each: int | None = Field(description="Runs of each side, those made included; null for more than 1,000.")
    to_show: str


class ComparedView(View):
    """A comparison in one quantity."""

    unit: str = Field(description="ms, or Mcycle: a million cycles of the multiprocessors' clock.")
    baseline_value: float = Field(description="The statistic, as the geometric mean over the side's runs.")
    candidate_value: float
    verdict: Verdict
    ratio: float = Field(description="The candidate's value over the baseline's: below 1 it is faster.")
    interval: Interval = Field(description="Of the ratio.")
    basis: Basis = Field(description="Where the spread between runs comes from.")
    baseline_runs: int
    candidate_runs: int
    spread_rel: float = Field(description="Standard deviation between runs of one side, relative.")
    within_share: float | None = Field(
        description="Part of its square that the spread within runs explains: where it is high, longer runs help."
    )
    ranks: RankTestView
    effect: EffectSizeView
    needed: NeededView | None = Field(description="What would decide it; null where it is decided.")
    why: str

    @classmethod
    def of(cls, found: "Compared") -> Self:
        """Show a comparison in one quantity."""
        values = {"unit": found.unit, "baseline_value": found.baseline_value, "candidate_value": found.candidate_value}
        effect = EffectSizeView.of(found.comparison.effect)
        return cls.model_validate({**asdict(found.comparison), **values, "effect": effect})


class ClocksView(View):
    """The clock of the multiprocessors over each side's steps, and the steps left out as it is not known of them."""

    baseline_mhz: float
    candidate_mhz: float
    baseline_left_out: int
    candidate_left_out: int

    @classmethod
    def of(cls, clocks: "Clocks") -> Self:
        """Show the clocks."""
        return cls.model_validate(asdict(clocks))


class ClockEvidenceView(View):
    """The comparison in clock cycles, which tells slower from clocked down."""

    cycles: ComparedView
    clocks: ClocksView
    why: str = Field(description="What the cycles add to the comparison in time.")

    @classmethod
    def of(cls, evidence: "ClockEvidence") -> Self:
        """Show what the clock has to say."""
        cycles, clocks = ComparedView.of(evidence.cycles), ClocksView.of(evidence.clocks)
        return cls(cycles=cycles, clocks=clocks, why=evidence.why)


class DifferenceView(View):
    """One thing that is not the same in all runs; each value once, null where it was not recorded."""

    aspect: Aspect = Field(description="With work, the ratio is not that of one thing done faster or slower.")
    name: str
    baseline: list[JsonValue]
    candidate: list[JsonValue]

    @classmethod
    def of(cls, difference: "Difference") -> Self:
        """Show a difference."""
        return cls.model_validate(asdict(difference))


class CandidateView(View):
    """What can be said of a candidate beside the baseline."""

    runs: list[str]
    per: Per = Field(description="What each value is of: a step, or a sample where steps are of different size.")
    headline: str = Field(description="The answer in a sentence.")
    in_time: ComparedView | None
    in_time_absent: str | None = Field(description="Why there is no comparison.")
    in_cycles: ClockEvidenceView | None
    in_cycles_absent: str | None = Field(description="Why there is none in clock cycles.")
    same_work: bool = Field(description="Whether both sides timed the same step: workload, parameters, scenario, size.")
    differences: list[DifferenceView] = Field(description="All that differs besides, within a side as well.")
    tainted: dict[str, list[str]] = Field(description="Rules of hygiene that runs of both sides broke, by run.")

    @classmethod
    def of(cls, answer: "CandidateAnswer") -> Self:
        """Show the answer about a candidate."""
        return cls(
            runs=list(answer.runs),
            per=answer.per,
            headline=answer.headline,
            in_time=ComparedView.of(answer.in_time) if answer.in_time else None,
            in_time_absent=answer.in_time_absent,
            in_cycles=ClockEvidenceView.of(answer.in_cycles) if answer.in_cycles else None,
            in_cycles_absent=answer.in_cycles_absent,
            same_work=answer.same_work,
            differences=[DifferenceView.of(difference) for difference in answer.differences],
            tainted={run: list(rules) for run, rules in answer.tainted.items()},
        )


class ComparisonView(View):
    """A baseline beside candidates."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.COMPARISON]})

    baseline: list[str] = Field(description="Its runs.")
    metric: str = Field(description="What was timed: latency, batch_time or step_time.")
    statistic: StatisticName
    margin: float
    level: float
    paired: bool
    simulated: bool = Field(description="True when the partitions are simulated: nothing is said of real boards.")
    candidates: list[CandidateView]

    @classmethod
    def of(cls, baseline: "Sequence[MeasuredRun]", question: "Question", answers: "Sequence[CandidateAnswer]") -> Self:
        """Show the answers to a question."""
        return cls(
            baseline=[run.id for run in baseline],
            metric=baseline[0].metric,
            statistic=question.statistic,
            margin=question.margin,
            level=question.level,
            paired=question.paired,
            simulated=baseline[0].partition.simulated,
            candidates=[CandidateView.of(answer) for answer in answers],
        )
