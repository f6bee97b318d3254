"""The command that says how to cut GPUs for a demand: ``migperf advise``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from migperf.cli.options import AsJson, ServiceOptions, grouped

if TYPE_CHECKING:
    from migperf.analysis.advisor.advice import Advice
    from migperf.analysis.advisor.demand import Demand

NOT_SERVED = 7


@grouped
def advise(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="The demand, YAML or JSON; - is standard input.", exists=False),
    ],
    *,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say why each thing is as it is, and what it rests on.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no service: only the figures in the file count.")
    ] = False,
    experiments: Annotated[
        Path | None,
        typer.Option(
            "--experiments",
            metavar="FOLDER",
            file_okay=False,
            help="Write experiment files that measure what was never measured.",
        ),
    ] = None,
    service: ServiceOptions,
    as_json: AsJson = False,
) -> None:
    """Find the layouts and the assignment that serve a demand with the fewest GPUs, or that make the most of them.

    Exit status: 0 there is an answer, 7 the GPUs cannot serve the demand or nothing was found in time.
    """
    from migperf.cli.advices import print_advice, write_experiments
    from migperf.cli.demand_file import read_demand
    from migperf.cli.output import as_data, emit_json, out

    demand = read_demand(file)
    advice = _offline(demand) if offline else _asked(demand, service)
    if as_json:
        emit_json(as_data(advice))
    else:
        print_advice(out(), advice, explain=explain)
    if experiments is not None:
        write_experiments(advice, experiments)
    if not advice.gpus:
        raise typer.Exit(NOT_SERVED)


def _asked(demand: "Demand", service: ServiceOptions) -> "Advice":
    from migperf.client import Client

    with Client(service.url) as client:
        return client.advise(demand)


def _offline(demand: "Demand") -> "Advice":
    """Answer from the file alone. Raises InvalidRequestError for what needs a service."""
    from migperf.analysis.advisor.advising import advise as answer
    from migperf.analysis.advisor.boards import named_stock
    from migperf.analysis.advisor.demand import AT_HAND
    from migperf.analysis.advisor.errors import AdviceError
    from migperf.cli.problems import InvalidRequestError
    from migperf.client import FieldProblem

    try:
        if isinstance(demand.gpus, str):
            raise AdviceError(("gpus",), AT_HAND, "only a service knows the GPUs at hand; name boards, or ask one")
        return answer(demand, named_stock(demand.gpus), {})
    except AdviceError as error:
        field = ".".join(map(str, error.where))
        given = error.given if isinstance(error.given, str | int | float) else None
        raise InvalidRequestError([FieldProblem(field=field, detail=str(error), given=given)], None) from error
