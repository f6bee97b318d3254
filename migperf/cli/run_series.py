"""The commands about what was watched during a run: ``migperf runs series`` and ``migperf runs export``."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from migperf.cli.options import AsJson, RunId, ServiceOptions, grouped

if TYPE_CHECKING:
    from migperf.client import Client

_TO_OUTPUT = ("csv", "json", "json-lines")
"""Formats that people can read, and that standard output may have."""
_OF_ONE = ("csv", "json", "arrow", "parquet")
OF_ALL = ("csv", "arrow", "parquet", "json-lines")
"""What one series, and all of a run together, can be written as."""
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="FILE", help="Write there; the format is told by how the name ends."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanOptions:
    """Which samples."""

    start_s: Annotated[
        float | None, typer.Option("--start-s", metavar="N", help="Only from so many seconds after the run's start on.")
    ] = None
    end_s: Annotated[float | None, typer.Option("--end-s", metavar="N", help="Only up to then.")] = None
    points: Annotated[
        int | None,
        typer.Option("--points", metavar="N", min=2, help="Downsample to about so many samples, extremes kept."),
    ] = None
    method: Annotated[
        str | None,
        typer.Option("--method", metavar="NAME", help="How to downsample: min_max (default), lttb or min_max_lttb."),
    ] = None

    def query(self) -> list[tuple[str, str]]:
        """Return what was given, as the service wants it."""
        from migperf.client.series_calls import span_query

        return span_query(self.start_s, self.end_s, self.points, self.method)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormOptions:
    """In which form."""

    format: Annotated[
        str | None,
        typer.Option("--format", "-f", metavar="NAME", help="csv (default), json, arrow or parquet."),
    ] = None
    out: Out = None
    follow: Annotated[bool, typer.Option("--follow", help="Print samples as they come, until the run has ended.")] = (
        False
    )
    summary: Annotated[bool, typer.Option("--summary", help="Show what the series came to in the measured window.")] = (
        False
    )


@grouped
def series(
    run: RunId,
    name: Annotated[
        str | None, typer.Argument(metavar="[SERIES]", help="Which series; without it, all are listed.")
    ] = None,
    *,
    span: SpanOptions,
    form: FormOptions,
    service: ServiceOptions,
    as_json: AsJson = False,
) -> None:
    """List what was watched over time, sum it up, follow it, or print one series as CSV."""
    from migperf.client import Client

    _require_one_way(name, span, form)
    with Client(service.url) as client:
        if form.follow:
            return _follow(client, run, name, span.points, as_json=as_json)
        if name is None or form.summary:
            return _list(client, run, name, summary=form.summary, as_json=as_json)
        return _print_one(client, run, name, span, form, as_json=as_json)


@grouped
def export(
    run: RunId,
    out: Out = None,
    format: Annotated[  # noqa: A002 - the option's name
        str | None,
        typer.Option("--format", "-f", metavar="NAME", help="csv (default), arrow, parquet or json-lines."),
    ] = None,
    names: Annotated[
        list[str] | None, typer.Option("--series", metavar="NAME", help="Only this series; can be repeated.")
    ] = None,
    *,
    service: ServiceOptions,
    as_json: AsJson = False,
) -> None:
    """Write all samples of a run into one table, gaps with their reasons included."""
    from migperf.cli.output import emit_json
    from migperf.cli.samples import remark_written
    from migperf.client import Client

    require_format(format, OF_ALL, out)
    with Client(service.url) as client:
        if out is None:
            client.export(run, sys.stdout.buffer, format or "csv", names or ())
            return
        size_bytes = client.export(run, out, format, names or ())
    if as_json:
        emit_json({"run_id": run, "file": str(out), "bytes": size_bytes})
    else:
        remark_written(out, size_bytes)


def _require_one_way(name: str | None, span: SpanOptions, form: FormOptions) -> None:
    """Refuse options that contradict each other. Raises typer.BadParameter."""
    if form.follow and (form.summary or form.out or form.format or span.start_s is not None or span.end_s is not None):
        raise typer.BadParameter(
            "goes with --points and --json only: what comes is printed line by line", param_hint="'--follow'"
        )
    if form.summary and (form.out or form.format or span.query()):
        raise typer.BadParameter(
            "is about the measured window as a whole; it goes with --json only", param_hint="'--summary'"
        )
    if name is None and not form.follow and (form.out or form.format or span.query()):
        raise typer.BadParameter("name one; `migperf runs export` writes all of them", param_hint="'[SERIES]'")
    require_format(form.format, _OF_ONE, form.out)


def require_format(form: str | None, known: Sequence[str], out: Path | None) -> None:
    """Refuse a format that is not known, and one that no terminal can show. Raises typer.BadParameter."""
    if form is not None and form not in known:
        raise typer.BadParameter(f"{form!r} is none of {', '.join(known)}", param_hint="'--format'")
    if form is not None and form not in _TO_OUTPUT and out is None:
        raise typer.BadParameter(f"{form} is not for a terminal; give --out FILE", param_hint="'--format'")


def _follow(client: "Client", run: str, name: str | None, points: int | None, *, as_json: bool) -> None:
    from migperf.cli.remote import letting_go
    from migperf.cli.samples import print_live
    from migperf.client import RunDeletedError

    with letting_go(run):
        events = client.follow_series(run, () if name is None else (name,), points=points)
        if not print_live(events, as_json=as_json):
            raise RunDeletedError(run)


def _list(client: "Client", run: str, name: str | None, *, summary: bool, as_json: bool) -> None:
    from migperf.cli.output import as_data, emit_json
    from migperf.cli.samples import print_list, print_summaries

    listed = client.series_list(run)
    if name is not None:
        listed = listed.model_copy(update={"items": tuple(item for item in listed.items if item.name == name)})
    if as_json:
        emit_json(as_data(listed))
    elif summary:
        print_summaries(listed)
    else:
        print_list(listed)


def _print_one(client: "Client", run: str, name: str, span: SpanOptions, form: FormOptions, *, as_json: bool) -> None:
    from migperf.cli.output import emit_json
    from migperf.cli.samples import remark_written, series_document

    if form.out is not None:
        query = span.query()
        remark_written(form.out, client.export_series(run, name, form.out, form.format, query))
    elif as_json or form.format == "json":
        found = client.series(run, name, span.start_s, span.end_s, points=span.points, method=span.method)
        emit_json(series_document(found))
    else:
        client.export_series(run, name, sys.stdout.buffer, form.format or "csv", span.query())
