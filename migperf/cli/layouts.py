"""The command that asks a service about layouts: ``migperf layouts check``."""

from typing import TYPE_CHECKING, Annotated

import typer

from migperf.cli.options import AsJson, ServiceOptions, grouped

if TYPE_CHECKING:
    from migperf.client import LayoutCheck

app = typer.Typer(no_args_is_help=True, help="Ask which layouts are legal, of any board that is known.")
NOT_LEGAL = 1


@app.command()
@grouped
def check(
    layout: Annotated[str, typer.Argument(help="Such as 3g.40gb+2x2g.20gb, 3g.40gb@4 or 7g.80gb(3c+4c).")],
    *,
    board: Annotated[
        str | None, typer.Option("--board", "-b", metavar="BOARD", help="Key or model name, such as h100-80gb.")
    ] = None,
    gpu: Annotated[str | None, typer.Option("--gpu", "-g", metavar="UUID", help="A GPU of the service.")] = None,
    service: ServiceOptions,
    as_json: AsJson = False,
) -> None:
    """Say whether a board can be cut so, which rule stands in the way, and what could be added.

    Exit status: 0 it is legal, 1 it is not.
    """
    from migperf.cli.output import as_data, emit_json
    from migperf.client import Client

    with Client(service.url) as client:
        found = client.check_layout(layout, board=board, gpu=gpu)
    if as_json:
        emit_json(as_data(found))
    else:
        _print(found)
    raise typer.Exit(0 if found.legal else NOT_LEGAL)


def _print(found: "LayoutCheck") -> None:
    from migperf.cli.output import out

    console = out()
    if found.objection is not None:
        console.print(f"{found.layout} is not legal on {found.model} ({found.objection.rule})", highlight=False)
        return console.print(found.objection.detail, highlight=False)
    console.print(f"{found.layout} is legal on {found.model}", highlight=False)
    if found.slices_left is None:
        return None
    console.print(f"{found.slices_left} of {found.compute_slices} compute slices left", highlight=False)
    added = ", ".join(move.instance for move in found.moves if move.objection is None)
    return console.print(f"can be added: {added or 'nothing'}", highlight=False)
