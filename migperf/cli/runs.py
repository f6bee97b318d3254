"""The commands about the runs of a service: ``migperf runs …``."""

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from migperf.cli import run_documents, run_series
from migperf.cli.options import AsJson, RunId, ServiceOptions, grouped, parse_pairs

if TYPE_CHECKING:
    from migperf.client.query import RunQuery, RunSelection

app = typer.Typer(no_args_is_help=True, help="Look at the runs of a service, and act on them.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """Which runs to list."""

    state: Annotated[
        list[str], typer.Option("--state", metavar="STATE", help="Only runs in this state; can be repeated.")
    ] = field(default_factory=list)
    workload: Annotated[str | None, typer.Option("--workload", metavar="NAME", help="Only runs of this workload.")] = (
        None
    )
    scenario: Annotated[str | None, typer.Option("--scenario", metavar="NAME", help="Only this scenario.")] = None
    fingerprint: Annotated[
        str | None, typer.Option("--fingerprint", metavar="HASH", help="Only runs of the same benchmark.")
    ] = None
    partition: Annotated[str | None, typer.Option("--partition", metavar="UUID", help="Only on this partition.")] = None
    node: Annotated[str | None, typer.Option("--node", metavar="NAME", help="Only on this node.")] = None
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", help="Only on this kind of partition: cpu, gpu, mig …")
    ] = None
    profile: Annotated[str | None, typer.Option("--profile", metavar="NAME", help="Only on this MIG profile.")] = None
    gpu_model: Annotated[
        str | None, typer.Option("--gpu-model", metavar="PATTERN", help="Only on this board or processor: '*H100*'.")
    ] = None
    text: Annotated[
        str | None, typer.Option("--text", metavar="WORDS", help="Only with these words in workload, labels or id.")
    ] = None
    experiment: Annotated[
        str | None, typer.Option("--experiment", metavar="ID", help="Only runs of this experiment.")
    ] = None
    tainted: Annotated[
        bool | None, typer.Option("--tainted/--clean", help="Only runs whose figures may be off; or only others.")
    ] = None
    label: Annotated[
        list[str], typer.Option("--label", "-l", metavar="NAME=VALUE", help="Only with this label; can be repeated.")
    ] = field(default_factory=list)
    created_after: Annotated[
        str | None, typer.Option("--created-after", metavar="TIME", help="Only later ones, such as 2026-01-31T12:00Z.")
    ] = None
    created_before: Annotated[
        str | None, typer.Option("--created-before", metavar="TIME", help="Only earlier ones.")
    ] = None
    sort: Annotated[
        str | None,
        typer.Option(
            "--sort",
            metavar="FIELD",
            help="created_at (default, with -), finished_at, duration_s, workload or priority; -FIELD: highest first.",
        ),
    ] = None

    def query(self, limit: int) -> "RunQuery":
        """Return the filters that were given, for so many runs."""
        return {**self.selection(), "limit": limit}

    def selection(self) -> "RunSelection":
        """Return the filters that were given."""
        query: RunSelection = {}
        if self.state:
            query["state"] = self.state
        if self.label:
            query["labels"] = parse_pairs(self.label, "--label")
        for name in (
            "workload",
            "scenario",
            "fingerprint",
            "partition",
            "node",
            "kind",
            "profile",
            "gpu_model",
            "text",
            "experiment",
            "tainted",
            "created_after",
            "created_before",
            "sort",
        ):
            if (value := getattr(self, name)) is not None:
                query[name] = value
        return query


@app.command("list")
@grouped
def list_runs(
    wanted: ListOptions,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="At most so many runs.")] = 50,
    *,
    service: ServiceOptions,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first."""
    from migperf.cli.output import as_data, emit_json
    from migperf.cli.remote import print_runs
    from migperf.client import Client

    with Client(service.url) as client:
        runs = list(client.runs(**wanted.query(limit)))
    if as_json:
        emit_json(as_data(runs))
    else:
        print_runs(runs)


@app.command()
@grouped
def show(run: RunId, service: ServiceOptions, as_json: AsJson = False) -> None:
    """Show a run with the figures of its result."""
    from migperf.cli.remote import show_run
    from migperf.client import Client

    with Client(service.url) as client:
        show_run(client, client.run(run), as_json=as_json)


@app.command()
@grouped
def watch(run: RunId, service: ServiceOptions, as_json: AsJson = False) -> None:
    """Follow a run to its end; the exit status is that of `migperf run`. JSON: one event a line."""
    from migperf.cli.remote import watch_run
    from migperf.client import Client

    with Client(service.url) as client:
        raise typer.Exit(watch_run(client, run, as_json=as_json))


@app.command()
@grouped
def cancel(run: RunId, service: ServiceOptions, as_json: AsJson = False) -> None:
    """Cancel a run that has not ended."""
    from migperf.cli.output import as_data, emit_json, remark
    from migperf.client import Client

    with Client(service.url) as client:
        found = client.cancel(run)
    if as_json:
        emit_json(as_data(found))
    else:
        remark("cancelled" if found.state.is_final else "asked to end; `migperf runs watch` shows when it has")


@app.command()
@grouped
def delete(run: RunId, service: ServiceOptions, as_json: AsJson = False) -> None:
    """Delete a run that has ended, with its result, series and log."""
    from migperf.cli.output import emit_json, remark
    from migperf.client import Client

    with Client(service.url) as client:
        client.delete(run)
    if as_json:
        emit_json({"deleted": run})
    else:
        remark("deleted")


@app.command()
@grouped
def log(
    run: RunId,
    service: ServiceOptions,
    attempt: Annotated[
        int | None, typer.Option("--attempt", metavar="N", min=1, help="Which attempt (default: the latest).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print what the run's child wrote to its output."""
    from migperf.cli.output import emit_json, remark
    from migperf.client import Client

    with Client(service.url) as client:
        text = client.log(run, attempt)
    if as_json:
        emit_json({"run_id": run, "attempt": attempt, "log": text})
    elif not text:
        remark("the child wrote nothing")
    else:
        typer.echo(text, nl=not text.endswith("\n"))


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOptions:
    """What of the runs, and in which form."""

    figures: Annotated[
        list[str],
        typer.Option("--figure", metavar="NAME", help="With this figure; can be repeated (default: the usual ones)."),
    ] = field(default_factory=list)
    out: run_series.Out = None
    format: Annotated[
        str | None,
        typer.Option("--format", "-f", metavar="NAME", help="csv (default), arrow, parquet or json-lines."),
    ] = None


@app.command()
@grouped
def table(
    run_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]...", help="Only these runs; without any, all.")
    ] = None,
    *,
    wanted: ListOptions,
    form: TableOptions,
    service: ServiceOptions,
    as_json: AsJson = False,
) -> None:
    """Write runs with their figures into one table, a row each (`export` is for the samples of one run)."""
    from migperf.cli.output import emit_json
    from migperf.cli.samples import remark_written
    from migperf.client import Client

    run_series.require_format(form.format, run_series.OF_ALL, form.out)
    selection = wanted.selection()
    if run_ids:
        selection["ids"] = run_ids
    with Client(service.url) as client:
        if form.out is None:
            client.export_runs(sys.stdout.buffer, form.format or "csv", form.figures, **selection)
            return
        size_bytes = client.export_runs(form.out, form.format, form.figures, **selection)
    if as_json:
        emit_json({"file": str(form.out), "bytes": size_bytes})
    else:
        remark_written(form.out, size_bytes)


app.command()(run_series.series)
app.command()(run_series.export)
app.command()(run_documents.artifacts)
