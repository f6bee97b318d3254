"""The commands about histories: ``migperf histories …``."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from migperf.cli import history_import
from migperf.cli.options import AsJson, ServiceOptions, grouped

app = typer.Typer(no_args_is_help=True, help="Look at results over time, and say which of them are watched.")
app.command("import")(history_import.import_histories)
HistoryId = Annotated[str, typer.Argument(metavar="HISTORY", help="Id of the history.", show_default=False)]
PointId = Annotated[
    int, typer.Argument(metavar="POINT", min=1, help="Id of the point; `points` lists them.", show_default=False)
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="At most so many.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryOptions:
    """Which histories to list."""

    workload: Annotated[str | None, typer.Option("--workload", metavar="NAME", help="Only of this workload.")] = None
    scenario: Annotated[str | None, typer.Option("--scenario", metavar="NAME", help="Only of this scenario.")] = None
    verdict: Annotated[
        str | None,
        typer.Option("--verdict", metavar="VERDICT", help="Only those of which this is said, such as regressed."),
    ] = None
    watched: Annotated[
        bool | None, typer.Option("--watched/--unwatched", help="Only those that are watched, or are not.")
    ] = None
    q: Annotated[str | None, typer.Option("--search", metavar="TEXT", help="Only titles with this text.")] = None


@app.command("list")
@grouped
def list_histories(
    limit: Limit = 50, *, wanted: HistoryOptions, service: ServiceOptions, as_json: AsJson = False
) -> None:
    """List histories, the one begun last first, with what is said of each."""
    from migperf.cli.history_tables import asked, print_histories
    from migperf.cli.output import as_data, emit_json
    from migperf.client import Client

    with Client(service.url) as client:
        found = list(client.histories(limit, **asked(**asdict(wanted))))
    return emit_json(as_data(found)) if as_json else print_histories(found)


@app.command()
@grouped
def show(
    history: HistoryId,
    metric: Annotated[
        str | None, typer.Option("--metric", "-m", metavar="NAME", help="Draw this metric (default: what changed).")
    ] = None,
    *,
    service: ServiceOptions,
    as_json: AsJson = False,
) -> None:
    """Show what is said of a history, where it changed, and a small drawing of its newest points."""
    from migperf.cli.history_tables import DRAWN, print_history
    from migperf.cli.output import as_data, emit_json
    from migperf.client import Client

    with Client(service.url) as client:
        found = client.history(history)
        if as_json:
            return emit_json(as_data(found))
        return print_history(found, list(client.history_points(history, DRAWN)), metric)


@app.command()
@grouped
def points(history: HistoryId, limit: Limit = 50, *, service: ServiceOptions, as_json: AsJson = False) -> None:
    """List the points of a history, newest first: figures, what changed in the environment, what is left out."""
    from migperf.cli.history_tables import print_points
    from migperf.cli.output import as_data, emit_json
    from migperf.client import Client

    with Client(service.url) as client:
        found = list(client.history_points(history, limit))
        if as_json:
            return emit_json(as_data(found))
        return print_points(found, client.history(history))


@app.command()
@grouped
def watch(
    history: HistoryId,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="The watch, YAML or JSON; - is standard input (default: the usual one).",
            exists=False,
        ),
    ] = None,
    *,
    service: ServiceOptions,
    as_json: AsJson = False,
) -> None:
    """Have people told when a history gets worse, whatever a schedule says; all of it is judged anew."""
    from migperf.cli.history_tables import read_watch
    from migperf.cli.output import as_data, emit_json, remark
    from migperf.client import Client

    with Client(service.url) as client:
        found = client.watch_history(history, read_watch(file))
    return emit_json(as_data(found)) if as_json else remark("watched; `migperf histories show` tells what is said")


@app.command()
@grouped
def unwatch(history: HistoryId, service: ServiceOptions) -> None:
    """Have nobody told of a history; a schedule that watches does so again with its next run."""
    from migperf.cli.output import remark
    from migperf.client import Client

    with Client(service.url) as client:
        client.unwatch_history(history)
    remark("watched no more; `watch: null` in its schedule keeps it so")


@app.command("leave-out")
@grouped
def leave_out(
    history: HistoryId,
    point: PointId,
    reason: Annotated[str, typer.Option("--reason", "-r", metavar="TEXT", help="Why.", show_default=False)],
    service: ServiceOptions,
) -> None:
    """Leave a point out of what is judged, for a reason that is kept; all is judged anew without it."""
    from migperf.cli.output import remark
    from migperf.client import Client

    with Client(service.url) as client:
        client.leave_out(history, point, reason)
    remark("left out; `migperf histories take-in` takes it in again")


@app.command("take-in")
@grouped
def take_in(history: HistoryId, point: PointId, service: ServiceOptions) -> None:
    """Take a point in again that was left out."""
    from migperf.cli.output import remark
    from migperf.client import Client

    with Client(service.url) as client:
        found = client.leave_out(history, point, None)
    remark("taken in" if not found.taints else f"taken in; {found.why_not or 'it is judged'}")


@app.command()
@grouped
def delete(history: HistoryId, service: ServiceOptions) -> None:
    """Delete a history with its points and regressions; its runs stay, and the next one begins a new history."""
    from migperf.cli.output import remark
    from migperf.client import Client

    with Client(service.url) as client:
        client.delete_history(history)
    remark("deleted")
