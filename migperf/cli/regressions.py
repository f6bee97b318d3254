"""The commands about regressions: ``migperf regressions …``."""

import getpass
from typing import Annotated

import typer

from migperf.cli.options import AsJson, ServiceOptions, grouped

app = typer.Typer(no_args_is_help=True, help="Look at what got worse, and say what it was.")
RegressionId = Annotated[str, typer.Argument(metavar="REGRESSION", help="Id of the regression.", show_default=False)]
Comment = Annotated[str | None, typer.Option("--comment", "-c", metavar="TEXT", help="Goes into its record.")]


def _user() -> str | None:
    """Return who uses this command; None where the system does not know."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return None


Author = Annotated[
    str | None, typer.Option("--author", metavar="NAME", help="Who says so (default: the user of this command).")
]


@app.command("list")
@grouped
def list_regressions(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="At most so many.")] = 50,
    states: Annotated[
        list[str] | None,
        typer.Option(
            "--state",
            metavar="STATE",
            help="open, acknowledged, resolved or false_alarm; can be repeated (default: open and acknowledged).",
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="In every state.")] = False,
    history: Annotated[str | None, typer.Option("--history", metavar="HISTORY", help="Only of this history.")] = None,
    *,
    service: ServiceOptions,
    as_json: AsJson = False,
) -> None:
    """List regressions, newest first."""
    from migperf.cli.output import as_data, emit_json
    from migperf.cli.regression_tables import print_regressions, states_of
    from migperf.client import Client

    wanted = states_of(states or (), every=every)
    with Client(service.url) as client:
        found = list(client.regressions(limit, states=wanted, history=history))
    return emit_json(as_data(found)) if as_json else print_regressions(found)


@app.command()
@grouped
def show(regression: RegressionId, service: ServiceOptions, as_json: AsJson = False) -> None:
    """Show how large a regression is, since when, what differed, whether it was confirmed, and its record."""
    from migperf.cli.regression_tables import print_regression
    from migperf.client import Client

    with Client(service.url) as client:
        print_regression(client.regression(regression), as_json=as_json)


@app.command()
@grouped
def acknowledge(
    regression: RegressionId, comment: Comment = None, author: Author = None, *, service: ServiceOptions
) -> None:
    """Say that somebody knows of it; it stays until it is over."""
    _triage(service.url, regression, "acknowledged", comment, author)


@app.command()
@grouped
def resolve(
    regression: RegressionId, comment: Comment = None, author: Author = None, *, service: ServiceOptions
) -> None:
    """Say that it is over, as when the new level is the one that is wanted."""
    _triage(service.url, regression, "resolved", comment, author)


@app.command("false-alarm")
@grouped
def false_alarm(
    regression: RegressionId, comment: Comment = None, author: Author = None, *, service: ServiceOptions
) -> None:
    """Say that nothing had become worse."""
    _triage(service.url, regression, "false_alarm", comment, author)


@app.command()
@grouped
def reopen(
    regression: RegressionId, comment: Comment = None, author: Author = None, *, service: ServiceOptions
) -> None:
    """Open it again; not one that is over as its history says."""
    _triage(service.url, regression, "open", comment, author)


@app.command()
@grouped
def comment(
    regression: RegressionId,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Goes into its record.", show_default=False)],
    author: Author = None,
    *,
    service: ServiceOptions,
) -> None:
    """Write something into the record of a regression."""
    _triage(service.url, regression, None, text, author)


def _triage(url: str | None, regression: str, state: str | None, comment: str | None, author: str | None) -> None:
    from migperf.cli.output import remark
    from migperf.client import Client
    from migperf.histories.regression import RegressionState

    asked = None if state is None else RegressionState(state)
    with Client(url) as client:
        found = client.triage(regression, asked, comment, author or _user())
    remark(f"{found.state}: {found.title}, {found.size}")
