"""The commands about what a partition attains: ``migperf calibrate`` and ``migperf roofline``."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from migperf.cli.options import AsJson, RunId, ServiceOptions, grouped, parse_values


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationOptions:
    """What to calibrate, and how long to measure."""

    where: Annotated[
        str | None,
        typer.Option(
            "--where",
            "-w",
            metavar="CONDITIONS",
            help="Partitions to calibrate, such as kind=mig,profile=1g.10gb (default: all real ones).",
        ),
    ] = None
    method: Annotated[
        list[str],
        typer.Option("--method", "-m", metavar="NAME=VALUE", help="How to measure, as for `run`; can be repeated."),
    ] = field(default_factory=list)

    def measured_by(self) -> dict[str, Any]:
        """Return the method that these options set."""
        return parse_values(self.method, "--method")


@grouped
def roofline(run: RunId, service: ServiceOptions, as_json: AsJson = False) -> None:
    """Hold a run against what its partition attains in arithmetic and in moving memory."""
    from migperf.cli.output import as_data, emit_json
    from migperf.cli.roofline_tables import print_roofline
    from migperf.client import Client

    with Client(service.url) as client:
        found = client.roofline(run)
    if as_json:
        emit_json(as_data(found))
    else:
        print_roofline(found)


@grouped
def calibrate(asked: CalibrationOptions, service: ServiceOptions, as_json: AsJson = False) -> None:
    """Measure what partitions attain: matrix products in each precision, and a copy of memory.

    One run after the other, each waited for. Exit status: 0 all were measured, 1 one was not.
    """
    from migperf.cli.calibrating import calibrate_partitions
    from migperf.client import Client

    with Client(service.url) as client:
        raise typer.Exit(calibrate_partitions(client, asked.where, asked.measured_by(), as_json=as_json))
