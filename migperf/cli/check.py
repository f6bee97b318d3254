"""The command that tells a CI whether something has become slower: ``migperf check``."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from migperf.analysis.terms import StatisticName
from migperf.cli.options import AsJson, ServiceOptions, grouped, parse_pairs

if TYPE_CHECKING:
    from migperf.client import CheckPlan

COULD_NOT_TELL = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """What is run, and what of it is compared."""

    files: Annotated[
        list[Path],
        typer.Option(
            "--file",
            "-f",
            metavar="FILE",
            allow_dash=True,
            help="A benchmark, or a list of them, as POST /v1/runs takes it, YAML (default: those of the baseline); "
            "can be repeated.",
        ),
    ] = field(default_factory=list)
    repeats: Annotated[
        int, typer.Option("--repeats", metavar="N", min=1, max=64, help="How often each benchmark is run.")
    ] = 3
    baseline_runs: Annotated[
        int,
        typer.Option(
            "--baseline-runs", metavar="N", min=1, max=64, help="At most so many of the newest runs of the baseline."
        ),
    ] = 5
    statistics: Annotated[
        list[StatisticName],
        typer.Option(
            "--statistic",
            help="What of each run's steps is compared (default: p50 and p99, and the mean where there are too few "
            "steps for one of them); can be repeated.",
        ),
    ] = field(default_factory=list)
    margin: Annotated[
        float,
        typer.Option(
            "--margin", metavar="N", min=0.0001, max=1, help="Slowdown that does not matter, relative: 0.01 is 1 %."
        ),
    ] = 0.01
    level: Annotated[
        float, typer.Option("--level", metavar="N", min=0.5, max=0.9999, help="Confidence of each interval.")
    ] = 0.95
    labels: Annotated[
        list[str],
        typer.Option("--label", "-l", metavar="NAME=VALUE", help="A label of the new runs; can be repeated."),
    ] = field(default_factory=list)
    timeout_s: Annotated[
        float,
        typer.Option("--timeout-s", metavar="N", min=1, help="At most so many seconds for all runs, queue included."),
    ] = 3600.0
    allow_tainted: Annotated[
        bool, typer.Option("--allow-tainted", help="Use tainted runs as well, though their figures may be off.")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """Files for others to read."""

    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", dir_okay=False, help="Write JUnit XML, for a CI to show.")
    ] = None
    markdown: Annotated[
        Path | None,
        typer.Option("--markdown", metavar="FILE", dir_okay=False, help="Write Markdown, for a job's summary."),
    ] = None

    def require_folders(self) -> None:
        """Refuse a file that could not be written, before anything is run. Raises typer.BadParameter."""
        for option, file in (("--junit", self.junit), ("--markdown", self.markdown)):
            if file is not None and not file.absolute().parent.is_dir():
                raise typer.BadParameter(f"there is no folder {file.absolute().parent}", param_hint=f"'{option}'")


@grouped
def check(
    context: typer.Context,
    baseline: Annotated[
        str,
        typer.Option(
            "--baseline",
            "-b",
            metavar="REF",
            help="Ids of runs, joined by commas; label:KEY=VALUE for the newest with that label; or last, for the "
            "newest of each --file.",
        ),
    ],
    *,
    asked: CheckOptions,
    reports: ReportOptions,
    service: ServiceOptions,
    as_json: AsJson = False,
) -> None:
    """Run benchmarks and tell whether they have become slower than a baseline: a gate for a CI.

    Exit status: 0 nothing is slower, 1 something is, 2 it could not be told, whatever the reason; 130 Ctrl-C.
    """
    labels = parse_pairs(asked.labels, "--label")
    reports.require_folders()
    try:
        status = _check(baseline, asked, labels, reports, service.url, as_json=as_json)
    except Exception as error:  # noqa: BLE001 - a service that is away, or a fault of ours, is no regression
        from migperf.cli.problems import report

        if context.obj:
            import traceback

            traceback.print_exc()
        report(error)
        status = COULD_NOT_TELL
    raise typer.Exit(status)


def _check(
    baseline: str,
    asked: CheckOptions,
    labels: dict[str, str],
    reports: ReportOptions,
    url: str | None,
    *,
    as_json: bool,
) -> int:
    from migperf.cli.checks import Reports, check_benchmarks
    from migperf.client import Client

    plan = _plan(baseline, asked, labels)
    with Client(url) as client:
        return check_benchmarks(client, plan, Reports(reports.junit, reports.markdown), as_json=as_json)


def _plan(baseline: str, asked: CheckOptions, labels: dict[str, str]) -> "CheckPlan":
    from migperf.cli.checks import documents_of
    from migperf.client import CheckPlan

    return CheckPlan(
        reference=baseline,
        documents=documents_of(asked.files),
        statistics=tuple(asked.statistics),
        margin=asked.margin,
        level=asked.level,
        repeats=asked.repeats,
        baseline_runs=asked.baseline_runs,
        labels=labels,
        timeout_s=asked.timeout_s,
        allow_tainted=asked.allow_tainted,
    )
