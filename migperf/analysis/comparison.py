"""Is one benchmark faster than another? From the stored steps of one or several runs of each, in time and in cycles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from migperf.analysis.clock_evidence import Clocks, explain_clocks
from migperf.analysis.cycles import StepCycles, step_cycles
from migperf.analysis.differences import Difference, differences
from migperf.analysis.measured import MeasuredRun
from migperf.analysis.question import Compared, Question
from migperf.analysis.sides import Side, common_unit, require_comparable
from migperf.analysis.terms import Aspect, Per
from migperf.analysis.wording import headline
from migperf.metrics.catalogue import CLOCK_SM
from migperf.statistics.samples import Samples

LEAST_KEPT_SHARE = 0.95
"""Of the steps of a run whose clock is known: with fewer, those left out could be the ones that matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockEvidence:
    """The comparison in cycles of the multiprocessors, the clocks themselves, and what both add to that in time."""

    cycles: Compared
    clocks: Clocks
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateAnswer:
    """What can be said of a candidate beside the baseline.

    ``per`` says what each value is of: a step, or a sample where steps are of different size. What there is not is
    None, with the reason beside it.
    """

    runs: tuple[str, ...]
    per: Per
    headline: str
    in_time: Compared | None
    in_time_absent: str | None
    in_cycles: ClockEvidence | None
    in_cycles_absent: str | None
    same_work: bool
    differences: tuple[Difference, ...]
    tainted: Mapping[str, tuple[str, ...]]
    """The rules of hygiene that runs of both sides broke, by run."""


def compare_runs(baseline: Side, candidates: Sequence[Side], question: Question) -> tuple[CandidateAnswer, ...]:
    """Compare each candidate with the baseline; a side is one or several runs of one benchmark.

    The level is that of each comparison, not of all together. Raises IncomparableError.
    """
    require_comparable(baseline, candidates, paired=question.paired)
    return tuple(_answer(baseline, candidate, question) for candidate in candidates)


def _answer(baseline: Side, candidate: Side, question: Question) -> CandidateAnswer:
    differing = differences(baseline, candidate)
    per = common_unit((*baseline, *candidate))
    contest = _Contest(baseline, candidate, per, question)
    time = contest.in_time()
    cycles = contest.in_cycles(time) if isinstance(time, Compared) else "there is no comparison in time"
    return CandidateAnswer(
        runs=tuple(run.id for run in candidate),
        per=per,
        headline=headline(time if isinstance(time, str) else time.comparison, contest.about),
        in_time=None if isinstance(time, str) else time,
        in_time_absent=time if isinstance(time, str) else None,
        in_cycles=None if isinstance(cycles, str) else cycles,
        in_cycles_absent=cycles if isinstance(cycles, str) else None,
        same_work=not any(difference.aspect is Aspect.WORK for difference in differing),
        differences=differing,
        tainted={run.id: run.taints for run in (*baseline, *candidate) if run.taints},
    )


@dataclass(frozen=True, slots=True)
class _Contest:
    """Two sides and what is asked of them. Where there is no answer, the reason is returned in its place."""

    baseline: Side
    candidate: Side
    per: Per
    question: Question

    @property
    def about(self) -> str:
        return f"the {self.question.statistic} of {self.baseline[0].metric} per {self.per}"

    def in_time(self) -> Compared | str:
        return self._ask("ms", *([run.timings.value for run in side] for side in (self.baseline, self.candidate)))

    def in_cycles(self, time: Compared) -> ClockEvidence | str:
        baseline, candidate = ([_cycles(run) for run in side] for side in (self.baseline, self.candidate))
        if (reason := next((found for found in (*baseline, *candidate) if isinstance(found, str)), None)) is not None:
            return reason
        first, second = ([run for run in side if isinstance(run, StepCycles)] for side in (baseline, candidate))
        cycles = self._ask("Mcycle", [run.mcycles for run in first], [run.mcycles for run in second])
        if isinstance(cycles, str):
            return cycles
        clocks = Clocks.of(first, second)
        why = explain_clocks(time.comparison, cycles.comparison, clocks)
        return ClockEvidence(cycles=cycles, clocks=clocks, why=why)

    def _ask(self, unit: str, baseline: Sequence[Samples], candidate: Sequence[Samples]) -> Compared | str:
        runs, samples = (*self.baseline, *self.candidate), (*baseline, *candidate)
        lacking = (self.question.unsupported(run.id, values) for run, values in zip(runs, samples, strict=True))
        if (reason := next(filter(None, lacking), None)) is not None:
            return reason
        return self.question.answer(
            unit, self._normalised(self.baseline, baseline), self._normalised(self.candidate, candidate)
        )

    def _normalised(self, side: Side, samples: Sequence[Samples]) -> list[Samples]:
        if self.per is Per.STEP:
            return list(samples)
        return [values / (run.samples_per_step or 1) for run, values in zip(side, samples, strict=True)]


def _cycles(run: MeasuredRun) -> StepCycles | str:
    """Return the steps of a run in cycles, or why there are none that can stand for it."""
    if run.clock is None:
        return run.clock_absent or f"run {run.id} has no readings of {CLOCK_SM.name}"
    found = step_cycles(run.timings, run.clock)
    if found.kept_share < LEAST_KEPT_SHARE:
        few = f"only {found.kept_share:.1%} of its steps lie between readings of {CLOCK_SM.name} that are near enough"
        return f"run {run.id}: {few}, and it takes {LEAST_KEPT_SHARE:.0%}; raise sample_hz"
    return found
