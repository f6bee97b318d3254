"""The commands that measure: ``migperf run`` here and now, ``migperf submit`` through a service."""

from pathlib import Path
from typing import Annotated

import typer

from migperf.cli.options import (
    AsJson,
    BenchmarkOptions,
    OptionalWorkload,
    ServiceOptions,
    Workload,
    grouped,
)
from migperf.cli.submission import SubmitOptions


@grouped
def run(
    workload: Workload,
    asked: BenchmarkOptions,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save", metavar="FILE", dir_okay=False, help="Write the result with its raw series to a JSON file."
        ),
    ] = None,
    artifacts: Annotated[
        Path | None,
        typer.Option(
            "--artifacts", metavar="DIR", file_okay=False, help="Write the run's documents there, such as its profile."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a workload on this host, here and now, without a service.

    Exit status: 0 measured, 3 it does not fit into memory, 1 it failed or timed out, 2 it cannot be run as asked,
    130 it was interrupted.
    """
    from migperf.cli.local_run import measure_here
    from migperf.cli.places import Places

    raise typer.Exit(measure_here(workload, asked.fields_given(), Places(save, artifacts), as_json=as_json))


@grouped
def submit(
    workload: OptionalWorkload = None,
    *,
    asked: BenchmarkOptions,
    treatment: SubmitOptions,
    service: ServiceOptions,
    as_json: AsJson = False,
) -> None:
    """Submit a benchmark to a service, which runs it when a partition is free.

    With --wait, the exit status is that of `migperf run`.
    """
    from migperf.cli.remote import submit_benchmark

    raise typer.Exit(submit_benchmark(workload, asked, treatment, service.url, as_json=as_json))
