"""A check as Markdown, for the summary of a CI job or a comment, in GitHub's dialect, which others read as well."""

import re
from collections.abc import Iterable, Iterator, Sequence

from migperf.cli.check_words import (
    NOTHING,
    OUTCOME_WORDS,
    Row,
    level_words,
    notes,
    parameters_words,
    rows,
    sendable,
    summary,
)
from migperf.cli.comparisons import WARNINGS, values_words
from migperf.client import Check, CheckedBenchmark, DifferenceView, Outcome

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"}
"""A pipe would end a cell of a table, also behind a backslash in some readers."""
_SPECIAL = re.compile(r"([\\`*_\[\]~$#])|([&<>|])")


def markdown(check: Check) -> str:
    """Return the document."""
    return "\n".join(_lines(check)) + "\n"


def escaped(text: str) -> str:
    """Return a text as Markdown that shows it in one line, whatever is in it."""
    line = " ".join(sendable(text).split())
    return _SPECIAL.sub(lambda found: f"\\{found[1]}" if found[1] else _ENTITIES[found[2]], line)


def _lines(check: Check) -> Iterator[str]:
    yield f"## migperf check: {OUTCOME_WORDS[check.outcome]}"
    yield ""
    yield f"**Result:** {escaped(summary(check))}."
    if check.problem is not None:
        yield ""
        yield f"**Ended early:** {escaped(check.problem)}"
    if check.benchmarks:
        yield ""
        columns = ("Benchmark", "Where", "Statistic", "Baseline", "Candidate", "Unit", "Change", level_words(check))
        yield from _table((*columns, "Outcome"), _cells(check.benchmarks))
    for checked in check.benchmarks:
        yield from _details(checked)
    yield ""
    yield f"**Runs:** `migperf runs list -l check={check.label}`"


def _cells(benchmarks: Iterable[CheckedBenchmark]) -> Iterator[tuple[str, ...]]:
    for checked in benchmarks:
        what = f"{checked.workload} {checked.scenario} {checked.fingerprint[:8]}"
        where = NOTHING if checked.place is None else str(checked.place)
        for row in rows(checked):
            yield (*(escaped(cell) for cell in (what, where, *_of_row(row))), _emphasised(row.outcome))


def _of_row(row: Row) -> tuple[str, ...]:
    return (row.statistic, row.baseline, row.candidate, row.unit, row.change, row.interval)


def _emphasised(outcome: Outcome) -> str:
    words = OUTCOME_WORDS[outcome]
    return words if outcome is Outcome.PASSED else f"**{words}**"


def _details(checked: CheckedBenchmark) -> Iterator[str]:
    yield ""
    yield f"### {escaped(checked.name)}"
    yield ""
    if checked.parameters:
        yield f"* parameters: {escaped(parameters_words(checked))}"
    yield from (f"* note: {escaped(note)}" for note in notes(checked))
    yield f"* baseline: {escaped(', '.join(checked.baseline) or 'none')}"
    yield f"* candidate: {escaped(', '.join(checked.candidate) or 'none')}"
    for aspect, warning in WARNINGS.items():
        of_aspect = [difference for difference in checked.differences if difference.aspect is aspect]
        if of_aspect:
            yield ""
            yield f"{warning}:"
            yield ""
            yield from _table(("What", "Baseline", "Candidate"), map(_difference, of_aspect))


def _difference(difference: DifferenceView) -> tuple[str, ...]:
    cells = (difference.name, values_words(difference.baseline), values_words(difference.candidate))
    return tuple(map(escaped, cells))


def _table(columns: Sequence[str], cells: Iterable[Sequence[str]]) -> Iterator[str]:
    yield _line(columns)
    yield _line(["---"] * len(columns))
    yield from map(_line, cells)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
