"""The options of ``migperf submit`` and the request that they make."""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from migperf.cli.options import BenchmarkOptions, parse_pairs
from migperf.cli.problems import UsageProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOptions:
    """How a run is to be treated, and what to do after submitting it."""

    labels: Annotated[
        list[str],
        typer.Option("--label", "-l", metavar="NAME=VALUE", help="A label to find the run by; can be repeated."),
    ] = field(default_factory=list)
    priority: Annotated[
        int | None,
        typer.Option(
            "--priority", metavar="N", help="-100 to 100; runs of higher priority are placed first (default: 0)."
        ),
    ] = None
    retry_limit: Annotated[
        int | None,
        typer.Option(
            "--retry-limit", metavar="N", help="How often the run begins again if its worker dies (default: 2)."
        ),
    ] = None
    taint_retry_limit: Annotated[
        int | None,
        typer.Option(
            "--taint-retry-limit",
            metavar="N",
            help="How often the run begins again if its result is tainted or void (default: 0).",
        ),
    ] = None
    not_in_history: Annotated[
        bool,
        typer.Option("--not-in-history", help="Keep the result out of its benchmark's history, as a trial."),
    ] = False
    idempotency_key: Annotated[
        str | None,
        typer.Option(
            "--idempotency-key",
            metavar="KEY",
            help="A submission that comes again with the same key makes no second run.",
        ),
    ] = None
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            "-f",
            metavar="FILE",
            allow_dash=True,
            help="Read the request from a JSON file, - for standard input; options given beside it win.",
        ),
    ] = None
    wait: Annotated[bool, typer.Option("--wait", help="Show progress until the run has ended, then its figures.")] = (
        False
    )

    def fields_given(self) -> dict[str, Any]:
        """Return the fields of a request that these options set."""
        given: dict[str, Any] = {
            "labels": parse_pairs(self.labels, "--label"),
            "priority": self.priority,
            "retry_limit": self.retry_limit,
            "taint_retry_limit": self.taint_retry_limit,
            "in_history": False if self.not_in_history else None,
        }
        return {name: value for name, value in given.items() if value is not None and value != {}}


def request_from(workload: str | None, asked: BenchmarkOptions, treatment: SubmitOptions) -> dict[str, Any]:
    """Return the request: the file's fields, then those of the options. Raises UsageProblem."""
    request = _read(treatment.file) if treatment.file is not None else {}
    for name, value in (asked.fields_given() | treatment.fields_given()).items():
        before = request.get(name)
        request[name] = before | value if isinstance(before, dict) and isinstance(value, dict) else value
    if workload is not None:
        request["workload"] = workload
    if "workload" not in request:
        raise UsageProblem("name a WORKLOAD, or give a --file that does")
    return request


def _read(file: Path) -> dict[str, Any]:
    name = "standard input" if str(file) == "-" else str(file)
    text = sys.stdin.read() if str(file) == "-" else file.read_text()
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageProblem(f"{name} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise UsageProblem(f'{name} holds no JSON object; a request looks like {{"workload": "resnet18", …}}')
    return document
