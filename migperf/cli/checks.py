"""Checks as people see them: what is run, line by line, then what each benchmark came to, and the reports for a CI."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import JsonValue, TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from migperf.cli.check_junit import junit
from migperf.cli.check_markdown import markdown
from migperf.cli.check_words import OUTCOME_WORDS, level_words, notes, parameters_words, rows, summary
from migperf.cli.comparisons import print_differences
from migperf.cli.output import as_data, emit_json, err, facts_table, out, remark, table
from migperf.cli.problems import UsageProblem
from migperf.cli.remote import INTERRUPTED
from migperf.cli.text_files import name_of, read_yaml_file
from migperf.client import Check, CheckedBenchmark, Checker, CheckPlan, CheckTask, Client, Outcome, RunView

STATUSES = {Outcome.PASSED: 0, Outcome.REGRESSED: 1, Outcome.COULD_NOT_TELL: 2}
_STYLES = {Outcome.PASSED: "green", Outcome.REGRESSED: "red", Outcome.COULD_NOT_TELL: "yellow"}
_DOCUMENT: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


class LineWatching:
    """Says each run in a line on standard error."""

    def __init__(self, repeats: int) -> None:
        self._repeats = repeats

    def planned(self, tasks: tuple[CheckTask, ...]) -> None:
        """See client.checking.CheckWatching."""
        for task in tasks:
            told = task.why_not if task.baseline is None else f"against {len(task.baseline.runs)} runs"
            remark(f"{_called(task)}: {told}")

    def began(self, task: CheckTask, repeat: int, run: RunView) -> None:
        """See client.checking.CheckWatching."""
        remark(f"{_called(task)}, {repeat} of {self._repeats}: {run.id}")


def _called(task: CheckTask) -> str:
    where = "" if task.baseline is None else f" on {task.baseline.place}"
    return f"{task.benchmark.workload} {task.benchmark.scenario}{where}"


def documents_of(files: Sequence[Path]) -> tuple[dict[str, Any], ...]:
    """Return the benchmarks of files, each a document or a list of them. Raises UsageProblem and OSError."""
    return tuple(document for file in files for document in _documents(file))


def _documents(file: Path) -> Iterator[dict[str, Any]]:
    content = read_yaml_file(file)
    documents = content if isinstance(content, list) else [content]
    if not documents:
        raise UsageProblem(f"{name_of(file)} holds no benchmark; leave it out, or put one in")
    for number, each in enumerate(documents, 1):
        try:
            yield _DOCUMENT.validate_python(each, strict=True)
        except ValidationError as error:
            place = f"{name_of(file)}, benchmark {number}"
            example = "{workload: resnet18, scenario: offline}"
            raise UsageProblem(f"{place}: not a mapping as POST /v1/runs takes it, such as {example}") from error


def check_benchmarks(client: Client, plan: CheckPlan, reports: "Reports", *, as_json: bool) -> int:
    """Run and compare, print what came of it, write the reports, and return the exit status. Raises OSError."""
    with _ended_like_ctrl_c():
        found = Checker(client, plan, LineWatching(plan.repeats)).run()
    if as_json:
        emit_json(as_data(found))
    else:
        print_check(out(), found)
    if found.problem is not None:
        err().print(Text.assemble(("error: ", "bold red"), (found.problem, "red")), soft_wrap=True)
    reports.write(found)
    return INTERRUPTED if found.interrupted else STATUSES[found.outcome]


class Reports:
    """Where a check is written to for others."""

    def __init__(self, junit_file: Path | None, markdown_file: Path | None) -> None:
        self._files: list[tuple[Path, Callable[[Check], bytes]]] = []
        if junit_file is not None:
            self._files.append((junit_file, junit))
        if markdown_file is not None:
            self._files.append((markdown_file, lambda check: markdown(check).encode()))

    def write(self, check: Check) -> None:
        """Write each report. Raises OSError."""
        for path, made in self._files:
            path.write_bytes(made(check))


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """Take SIGTERM, by which CI systems end a job, for Ctrl-C: the run under way is cancelled."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def print_check(console: Console, check: Check) -> None:
    """Print what each benchmark came to, then all in a sentence."""
    for checked in check.benchmarks:
        _print_benchmark(console, check, checked)
        console.print()
    word, colon, rest = summary(check).partition(":")
    console.print(Text.assemble((word, f"bold {_STYLES[check.outcome]}"), colon, rest))
    if check.benchmarks:
        console.print(Text(f"runs: `migperf runs list -l check={check.label}`", "dim"), soft_wrap=True)


def _print_benchmark(console: Console, check: Check, checked: CheckedBenchmark) -> None:
    word = OUTCOME_WORDS[checked.outcome]
    console.print(Text.assemble((word, f"bold {_STYLES[checked.outcome]}"), ": ", (checked.name, "bold")))
    console.print(facts_table(_facts(checked)))
    if checked.findings:
        console.print(_findings(check, checked))
    for note in notes(checked):
        console.print(Text(note))
    if checked.findings:
        print_differences(console, checked.differences)


def _facts(checked: CheckedBenchmark) -> Iterator[tuple[str, str]]:
    if checked.parameters:
        yield "parameters", parameters_words(checked)
    yield "baseline", "\n".join(checked.baseline) or "none"
    yield "candidate", "\n".join(checked.candidate) or "none"


def _findings(check: Check, checked: CheckedBenchmark) -> Table:
    columns = ("Of steps", "Baseline", "Candidate", "Unit", "Change", level_words(check), "Outcome")
    made = table(*columns, right=("Baseline", "Candidate"), whole=("Outcome",))
    for row in rows(checked):
        outcome = Text(OUTCOME_WORDS[row.outcome], _STYLES[row.outcome])
        made.add_row(
            row.statistic, row.baseline, row.candidate, row.unit, Text(row.change, "bold"), row.interval, outcome
        )
    return made
