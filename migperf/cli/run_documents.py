"""The command about the documents that a run left behind: ``migperf runs artifacts``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from migperf.cli.options import AsJson, RunId, ServiceOptions, grouped

if TYPE_CHECKING:
    from migperf.client import Client
    from migperf.client.models import ArtifactView

_FOR_PEOPLE = ("application/json", "text/")


@grouped
def artifacts(
    run: RunId,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Which document; without it, all are listed.")
    ] = None,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", dir_okay=False, help="Write the document there.")
    ] = None,
    service: ServiceOptions,
    as_json: AsJson = False,
) -> None:
    """List the documents that a run left behind, such as its profile, or fetch one."""
    from migperf.client import Client

    if name is None and out is not None:
        raise typer.BadParameter("name the document that is to be written", param_hint="'[NAME]'")
    with Client(service.url) as client:
        if name is None:
            _list(client.artifacts(run), as_json=as_json)
        elif out is None:
            _print(client, run, name)
        else:
            _write(client, run, name, out, as_json=as_json)


def _list(documents: "tuple[ArtifactView, ...]", *, as_json: bool) -> None:
    from migperf.cli import output

    made = output.table("Document", "Bytes", "Type", right=("Bytes",), whole=("Document",))
    for document in documents:
        made.add_row(document.name, f"{document.bytes:,}", document.media_type)
    if as_json:
        output.emit_json(output.as_data(documents))
    elif documents:
        output.out().print(made)
    else:
        output.remark("the run has left no documents (yet)")


def _print(client: "Client", run: str, name: str) -> None:
    """Print a document that people can read. Raises typer.BadParameter for others."""
    kinds = {document.name: document.media_type for document in client.artifacts(run)}
    if name in kinds and not kinds[name].startswith(_FOR_PEOPLE):
        raise typer.BadParameter(f"{name} is not for a terminal; give --out FILE", param_hint="'[NAME]'")
    sys.stdout.buffer.write(client.artifact(run, name))
    sys.stdout.buffer.flush()


def _write(client: "Client", run: str, name: str, out: Path, *, as_json: bool) -> None:
    from migperf.cli.output import emit_json
    from migperf.cli.samples import remark_written

    size_bytes = client.save_artifact(run, name, out)
    if as_json:
        emit_json({"run_id": run, "name": name, "file": str(out), "bytes": size_bytes})
    else:
        remark_written(out, size_bytes)
