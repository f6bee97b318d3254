"""The command that compares runs: ``migperf compare``."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from migperf.analysis.terms import StatisticName
from migperf.cli.options import AsJson, ServiceOptions, grouped

if TYPE_CHECKING:
    from migperf.client import ConfirmationPlan

_BUYING = "With --confirm"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionOptions:
    """What to ask of the runs."""

    statistic: Annotated[StatisticName, typer.Option("--statistic", help="What of each run's steps is compared.")] = (
        StatisticName.MEAN
    )
    margin: Annotated[
        float,
        typer.Option(
            "--margin", metavar="N", min=0.0001, max=1, help="Difference that does not matter, relative: 0.01 is 1 %."
        ),
    ] = 0.01
    level: Annotated[
        float, typer.Option("--level", metavar="N", min=0.5, max=0.9999, help="Confidence of each interval.")
    ] = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmOptions:
    """Whether to buy more runs, and how many at most."""

    confirm: Annotated[
        bool, typer.Option("--confirm", help="Run both benchmarks by turns on one partition until it is decided.")
    ] = False
    budget_s: Annotated[
        float | None,
        typer.Option(
            "--budget-s", metavar="N", min=1, help="At most so many seconds (default: 600).", rich_help_panel=_BUYING
        ),
    ] = None
    max_pairs: Annotated[
        int | None,
        typer.Option(
            "--max-pairs",
            metavar="N",
            min=2,
            max=64,
            help="At most so many pairs (default: 20).",
            rich_help_panel=_BUYING,
        ),
    ] = None
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed", metavar="N", help="Seed of the order within the pairs (default: 0).", rich_help_panel=_BUYING
        ),
    ] = None

    def given(self) -> dict[str, float]:
        """Return what was given besides the switch."""
        fields = {"budget_s": self.budget_s, "max_pairs": self.max_pairs, "seed": self.seed}
        return {name: value for name, value in fields.items() if value is not None}


@grouped
def compare(
    baseline: Annotated[
        str, typer.Argument(metavar="BASELINE", help="Id of a run; several of one benchmark, joined by commas.")
    ],
    candidates: Annotated[
        list[str], typer.Argument(metavar="CANDIDATE...", help="The same, for each thing to compare with it.")
    ],
    *,
    asked: QuestionOptions,
    buying: ConfirmOptions,
    service: ServiceOptions,
    as_json: AsJson = False,
) -> None:
    """Tell whether runs are faster or slower than others, and what differs besides.

    Exit status: 0 the same or faster, 4 slower, 5 undecided or not to be compared; 1 and 2 are failures and bad
    requests, as everywhere.
    """
    from migperf.cli.comparisons import compare_runs
    from migperf.cli.confirming import confirm_runs
    from migperf.client import Client

    if not buying.confirm:
        if buying.given():
            option = f"--{next(iter(buying.given())).replace('_', '-')}"
            raise typer.BadParameter("goes with --confirm", param_hint=f"'{option}'")
        with Client(service.url) as client:
            raise typer.Exit(compare_runs(client, baseline, candidates, asked, as_json=as_json))
    runs = (baseline, *candidates)
    if len(runs) != 2 or any("," in run for run in runs):  # noqa: PLR2004 - one of each
        raise typer.BadParameter("takes one run of each: their benchmarks are run anew", param_hint="'--confirm'")
    with Client(service.url) as client:
        raise typer.Exit(confirm_runs(client, baseline, candidates[0], _plan(asked, buying), as_json=as_json))


def _plan(asked: QuestionOptions, buying: ConfirmOptions) -> "ConfirmationPlan":
    from migperf.client import ConfirmationPlan

    question = {"statistic": asked.statistic, "margin": asked.margin, "level": asked.level}
    return ConfirmationPlan.model_validate(question | buying.given())
