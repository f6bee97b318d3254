"""Comparisons of runs as people see them: the verdict, ratios in per cent, what the clock says, and what differs."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import JsonValue
from rich.console import Console
from rich.table import Table
from rich.text import Text

from migperf.analysis.terms import Aspect
from migperf.cli.compare import QuestionOptions
from migperf.cli.output import as_data, emit_json, facts_table, out, table
from migperf.client import CandidateView, Client, ComparedView, ComparisonView, DifferenceView
from migperf.statistics.digits import Shown, show
from migperf.statistics.verdict import Verdict

SLOWER, UNDECIDED = 4, 5
_STYLES = {Verdict.SAME: "green", Verdict.FASTER: "green", Verdict.SLOWER: "red", Verdict.UNDECIDED: "yellow"}
WARNINGS = {
    Aspect.WORK: "Not the same work: this is no comparison of one thing with itself",
    Aspect.METHOD: "Measured by other rules",
    Aspect.ENVIRONMENT: "Not in the same environment",
    Aspect.PARTITION: "Not on the same partition",
}


def compare_runs(
    client: Client, baseline: str, candidates: Sequence[str], asked: QuestionOptions, *, as_json: bool
) -> int:
    """Print how each candidate compares with the baseline, and return the exit status."""
    found = client.compare(baseline, *candidates, statistic=asked.statistic, margin=asked.margin, level=asked.level)
    if as_json:
        emit_json(as_data(found))
    else:
        print_comparison(out(), found)
    return exit_status([candidate.verdict for candidate in found.candidates])


def exit_status(verdicts: Iterable[Verdict | None]) -> int:
    """Return the exit status that verdicts stand for: the worst news first."""
    said = set(verdicts)
    if Verdict.SLOWER in said:
        return SLOWER
    return UNDECIDED if {None, Verdict.UNDECIDED} & said else 0


def print_comparison(console: Console, found: ComparisonView) -> None:
    """Print a comparison, candidate by candidate."""
    for number, candidate in enumerate(found.candidates):
        if number:
            console.print()
        _print_candidate(console, found, candidate)
    if found.simulated:
        console.print(Text("simulated: no such hardware exists there", "dim"))


def _print_candidate(console: Console, found: ComparisonView, candidate: CandidateView) -> None:
    word, rest = _parted(candidate.headline)
    style = _STYLES[candidate.verdict] if candidate.verdict else "yellow"
    console.print(Text.assemble((word, f"bold {style}"), rest))
    console.print(facts_table([("baseline", "\n".join(found.baseline)), ("candidate", "\n".join(candidate.runs))]))
    if candidate.in_time is not None:
        console.print()
        console.print(_ratios(candidate, candidate.in_time))
        console.print()
    for line in _remarks(candidate):
        console.print(Text(line, "dim"))
    print_differences(console, candidate.differences)
    _print_tainted(console, candidate.tainted)


def _print_tainted(console: Console, tainted: Mapping[str, Sequence[str]]) -> None:
    if tainted:
        console.print()
        console.print(Text("Tainted: figures may be off by more than the intervals say", "bold yellow"))
        console.print(facts_table((run, ", ".join(rules)) for run, rules in tainted.items()))


def _parted(headline: str) -> tuple[str, str]:
    word, colon, rest = headline.partition(":")
    return word, colon + rest


def _ratios(candidate: CandidateView, time: ComparedView) -> Table:
    level = f"{100 * time.interval.level:.4g} % interval"
    columns = (f"Per {candidate.per}", "Baseline", "Candidate", "Unit", "Change", level, "Verdict")
    made = table(*columns, right=("Baseline", "Candidate"))
    rows = [("time", time)] + ([("cycles", candidate.in_cycles.cycles)] if candidate.in_cycles else [])
    for name, compared in rows:
        values = [show(value).value for value in (compared.baseline_value, compared.candidate_value)]
        change, interval = percent_words(compared)
        made.add_row(name, *values, compared.unit, Text(change, "bold"), interval, compared.verdict)
    return made


def percent_words(compared: ComparedView) -> tuple[str, str]:
    """Return by how many per cent the candidate's value is more, and the interval, with the digits it can defend."""
    shown = show(*(100 * (ratio - 1) for ratio in (compared.ratio, compared.interval.low, compared.interval.high)))
    return f"{_signed(shown.value)} %", f"{_bounds(shown)} %"


def _bounds(shown: Shown) -> str:
    return f"{_signed(shown.low or '')} to {_signed(shown.high or '')}"


def _signed(number: str) -> str:
    return number if number.startswith("-") else f"+{number}"


def _remarks(candidate: CandidateView) -> Iterator[str]:
    if candidate.in_cycles is not None:
        clocks = candidate.in_cycles.clocks
        yield candidate.in_cycles.why
        if left_out := clocks.baseline_left_out + clocks.candidate_left_out:
            yield f"in cycles without {left_out} steps between whose clock readings nothing is known"
    elif candidate.in_time is not None:
        yield f"no comparison in clock cycles: {candidate.in_cycles_absent}"
    if (time := candidate.in_time) is not None:
        ranks, shorter_pct = time.ranks, 100 * time.effect.superiority
        yield (
            f"ranks of {ranks.baseline_units} and {ranks.candidate_units} {ranks.unit}: p = {ranks.p_value:.2g}; "
            f"a step of the candidate is the shorter one in {shorter_pct:.0f} % of cases"
        )


def print_differences(console: Console, differences: Sequence[DifferenceView]) -> None:
    """Print what besides chance two sides differ in, each kind under its warning."""
    if not differences:
        console.print(Text("nothing that was recorded differs besides", "dim"))
    for aspect, warning in WARNINGS.items():
        of_aspect = [difference for difference in differences if difference.aspect is aspect]
        if of_aspect:
            console.print()
            console.print(Text(warning, "bold red" if aspect is Aspect.WORK else "bold yellow"))
            console.print(_side_by_side(of_aspect))


def _side_by_side(differences: Iterable[DifferenceView]) -> Table:
    made = table("", "Baseline", "Candidate")
    for difference in differences:
        made.add_row(difference.name, values_words(difference.baseline), values_words(difference.candidate))
    return made


def values_words(values: Iterable[JsonValue]) -> str:
    """Return the values of one side, each as people read it."""
    return "; ".join(_value(value) for value in values)


def _value(value: JsonValue) -> str:
    if value is None:
        return "not recorded"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
