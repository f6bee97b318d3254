"""From runs to what a check says of their benchmark, by the service's comparison."""

from collections.abc import Iterable, Iterator, Sequence

from migperf.analysis.terms import StatisticName
from migperf.client.check_models import CheckedBenchmark, CheckPlan, FigureBeside, Finding, Outcome
from migperf.client.check_tasks import CheckTask
from migperf.client.client import Client
from migperf.client.comparison_models import CandidateView, ComparedView
from migperf.client.errors import RequestRefusedError
from migperf.client.models import RunView
from migperf.statistics.digits import show
from migperf.statistics.verdict import Verdict

SHOWN_FIGURES = ("throughput", "energy_per_sample", "energy_estimate_per_sample")
"""Told for information, where both sides have them."""
_UNLESS_TOLD = (StatisticName.P50, StatisticName.P99)


def not_compared(task: CheckTask, why: str, runs: Sequence[RunView] = (), took_s: float = 0.0) -> CheckedBenchmark:
    """Return that a benchmark could not be compared, and why."""
    return _checked(task, runs, took_s).model_copy(update={"why": why})


def no_longer_fits(task: CheckTask, run: RunView, runs: Sequence[RunView], took_s: float) -> CheckedBenchmark:
    """Return that a benchmark needs more memory than there is, which was enough for its baseline."""
    told = f": {run.reason}" if run.reason else ""
    why = f"run {run.id} does not fit into memory, and the baseline's runs did{told}"
    return _checked(task, runs, took_s).model_copy(update={"outcome": Outcome.REGRESSED, "why": why})


def compared(
    client: Client, plan: CheckPlan, task: CheckTask, runs: Sequence[RunView], took_s: float = 0.0
) -> CheckedBenchmark:
    """Return what runs that have all succeeded say beside their baseline."""
    counted = [run for run in runs if plan.allow_tainted or not run.tainted]
    left_out = _rules(run for run in runs if run not in counted)
    if not counted or task.baseline is None:
        rules = ", ".join(dict.fromkeys(rule for broken in left_out.values() for rule in broken))
        why = f"every run is tainted ({rules}), so the figures may be off; remove the cause, or allow tainted runs"
        return not_compared(task, why, runs, took_s).model_copy(update={"left_out": left_out})
    judge = _Judge(client, plan, [run.id for run in task.baseline.runs], [run.id for run in counted])
    findings = judge.findings()
    return _checked(task, counted, took_s).model_copy(
        update={
            "left_out": left_out,
            "tainted": _rules((*task.baseline.runs, *counted)),
            "outcome": Outcome.worst(finding.outcome for finding in findings),
            "findings": tuple(findings),
            "remarks": tuple(judge.remarks),
            "figures": tuple(_figures(client, task.baseline.runs, counted)),
            "differences": judge.answer.differences if judge.answer else (),
        }
    )


class _Judge:
    """Asks the service for each statistic. ``answer`` is one of its answers, for what does not depend on that."""

    def __init__(self, client: Client, plan: CheckPlan, baseline: Sequence[str], candidate: Sequence[str]) -> None:
        self._client = client
        self._plan = plan
        self._sides = baseline, candidate
        self.answer: CandidateView | None = None
        self.remarks: list[str] = []

    def findings(self) -> list[Finding]:
        """Return what each statistic says."""
        if self._plan.statistics:
            return [self._ask(statistic) for statistic in dict.fromkeys(self._plan.statistics)]
        found = [self._ask(statistic) for statistic in _UNLESS_TOLD]
        lacking = [finding for finding in found if finding.compared is None]
        if not lacking:
            return found
        self.remarks += [f"the mean stands for {finding.statistic}: {finding.why}" for finding in lacking]
        return [*(finding for finding in found if finding.compared), self._ask(StatisticName.MEAN)]

    def _ask(self, statistic: StatisticName) -> Finding:
        plan, (baseline, candidate) = self._plan, self._sides
        try:
            found = self._client.compare(baseline, candidate, statistic=statistic, margin=plan.margin, level=plan.level)
        except RequestRefusedError as error:
            return Finding(statistic=statistic, outcome=Outcome.COULD_NOT_TELL, why=str(error))
        (self.answer,) = found.candidates
        return _finding(statistic, self.answer, plan.margin)


def _finding(statistic: StatisticName, answer: CandidateView, margin: float) -> Finding:
    if answer.in_time is None:
        return Finding(statistic=statistic, outcome=Outcome.COULD_NOT_TELL, why=str(answer.in_time_absent))
    outcome, why = _outcome(answer, answer.in_time, margin)
    return Finding(statistic=statistic, outcome=outcome, why=why, per=answer.per, compared=answer.in_time)


def _outcome(answer: CandidateView, time: ComparedView, margin: float) -> tuple[Outcome, str]:
    """Return what a comparison means for a check, which asks for less than sameness.

    Also where the interval is too wide for ``same``, all of it below the margin shows what is asked: not slower by
    more than that. It is the same interval, read on one side.
    """
    if not answer.same_work:
        return Outcome.COULD_NOT_TELL, f"not the same work is compared; {answer.headline}"
    if time.verdict is Verdict.SLOWER:
        return Outcome.REGRESSED, answer.headline
    if time.verdict is not Verdict.UNDECIDED:
        return Outcome.PASSED, answer.headline
    if time.interval.high > 1 + margin:
        return Outcome.COULD_NOT_TELL, answer.headline
    ends = show(*(100 * (ratio - 1) for ratio in (time.ratio, time.interval.low, time.interval.high))).high
    level = f"{100 * time.interval.level:.4g} %"
    return Outcome.PASSED, f"not slower by more than {100 * margin:g} %: the {level} interval ends at {ends} %"


def _checked(task: CheckTask, runs: Iterable[RunView], took_s: float) -> CheckedBenchmark:
    """Return what is known before anything is compared."""
    return CheckedBenchmark(
        workload=task.benchmark.workload,
        scenario=task.benchmark.scenario,
        fingerprint=task.fingerprint,
        parameters=task.benchmark.parameters,
        place=None if task.baseline is None else task.baseline.place,
        baseline=() if task.baseline is None else tuple(run.id for run in task.baseline.runs),
        candidate=tuple(run.id for run in runs),
        outcome=Outcome.COULD_NOT_TELL,
        took_s=took_s,
    )


def _rules(runs: Iterable[RunView]) -> dict[str, tuple[str, ...]]:
    return {run.id: tuple(taint.rule for taint in run.taints or ()) for run in runs if run.tainted}


def _figures(client: Client, baseline: Sequence[RunView], candidate: Sequence[RunView]) -> Iterator[FigureBeside]:
    first, second = _values(client, baseline), _values(client, candidate)
    for name, unit in first:
        if (name, unit) in second:
            yield FigureBeside(
                name=name, unit=unit, baseline=tuple(first[name, unit]), candidate=tuple(second[name, unit])
            )


def _values(client: Client, runs: Iterable[RunView]) -> dict[tuple[str, str], list[float]]:
    """Return the values of the figures that are shown, by name and unit."""
    found: dict[tuple[str, str], list[float]] = {}
    for run in runs:
        for figure in client.result(run.id).figures:
            if figure.name in SHOWN_FIGURES and figure.value is not None:
                found.setdefault((figure.name, figure.unit), []).append(figure.value)
    return found
