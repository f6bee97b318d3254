"""What a check came to in words: the cells and notes that its table, its JUnit file and its Markdown have in common."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from migperf.cli.comparisons import percent_words
from migperf.client import Check, CheckedBenchmark, FigureBeside, Finding, Outcome
from migperf.statistics.digits import duration, show

OUTCOME_WORDS = {
    Outcome.PASSED: "passed",
    Outcome.REGRESSED: "regressed",
    Outcome.COULD_NOT_TELL: "could not tell",
}
NOTHING = "–"
_UNSENDABLE = re.compile(r"[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold, what UTF-8 cannot hold, and control characters, which have no business in a report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A statistic of a benchmark as the cells of a table."""

    statistic: str
    baseline: str = NOTHING
    candidate: str = NOTHING
    unit: str = NOTHING
    change: str = NOTHING
    interval: str = NOTHING
    outcome: Outcome


def rows(checked: CheckedBenchmark) -> list[Row]:
    """Return a row for each statistic, or one for a benchmark of which none was compared."""
    if not checked.findings:
        return [Row(statistic=NOTHING, outcome=checked.outcome)]
    return [_row(finding) for finding in checked.findings]


def _row(finding: Finding) -> Row:
    compared = finding.compared
    if compared is None:
        return Row(statistic=finding.statistic, outcome=finding.outcome)
    change, interval = percent_words(compared)
    return Row(
        statistic=finding.statistic,
        baseline=show(compared.baseline_value).value,
        candidate=show(compared.candidate_value).value,
        unit=f"{compared.unit}/{finding.per}",
        change=change,
        interval=interval,
        outcome=finding.outcome,
    )


def notes(checked: CheckedBenchmark) -> Iterator[str]:
    """Yield what a reader has to know besides the table."""
    if checked.why is not None:
        yield checked.why
    for finding in checked.findings:
        if finding.outcome is not Outcome.PASSED:
            yield f"{finding.statistic}: {finding.why}"
    yield from background(checked)


def background(checked: CheckedBenchmark) -> Iterator[str]:
    """Yield what was taken into account, and what was not."""
    yield from checked.remarks
    yield from (figure_words(figure) for figure in checked.figures)
    yield from _tainted("not used, since tainted", checked.left_out)
    yield from _tainted("used although tainted", checked.tainted)


def _tainted(told: str, runs: Mapping[str, Sequence[str]]) -> Iterator[str]:
    yield from (f"{told}: {run} ({', '.join(rules)})" for run, rules in runs.items())


def figure_words(figure: FigureBeside) -> str:
    """Return a figure of both sides, for information: the mean over the runs of each."""
    first, second = (show(fmean(side)).value for side in (figure.baseline, figure.candidate))
    of_runs = f"mean over {len(figure.baseline)} and {len(figure.candidate)} runs"
    return f"{figure.name}: {first} and now {second} {figure.unit} ({of_runs}; not judged)"


def level_words(check: Check) -> str:
    """Return the heading of the intervals."""
    return f"{100 * check.level:.4g} % interval"


def summary(check: Check) -> str:
    """Return all in one sentence."""
    counts = [
        f"{sum(checked.outcome is outcome for checked in check.benchmarks)} {words}"
        for outcome, words in OUTCOME_WORDS.items()
        if any(checked.outcome is outcome for checked in check.benchmarks)
    ]
    benchmarks = "1 benchmark" if len(check.benchmarks) == 1 else f"{len(check.benchmarks)} benchmarks"
    told = f"{benchmarks} ({', '.join(counts)})" if counts else "no benchmark was compared"
    asked = f"against {check.reference} with a margin of {100 * check.margin:g} %"
    return f"{OUTCOME_WORDS[check.outcome]}: {told} {asked}, in {duration(check.took_s)}"


def parameters_words(checked: CheckedBenchmark) -> str:
    """Return the parameters of a benchmark in a line."""
    return ", ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in checked.parameters.items()
    )


def sendable(text: str) -> str:
    """Return a text with the lines ended as Unix does, and a replacement for what no report can hold."""
    return _UNSENDABLE.sub("�", text.replace("\r\n", "\n").replace("\r", "\n"))
