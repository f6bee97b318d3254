"""The command that imports results of other tools: ``migperf histories import``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from migperf.cli.options import AsJson, ServiceOptions, grouped


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How results are imported, and where to."""

    file_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="pytest-benchmark, google-benchmark, migperf-histories, migperf-run or csv; else told by the content.",
        ),
    ] = None
    watch: Annotated[
        bool, typer.Option("--watch", help="Watch the histories from now on, unless they are watched already.")
    ] = False
    into: Annotated[
        str | None,
        typer.Option("--into", metavar="HISTORY", help="Id of a history that gets the points of the one benchmark."),
    ] = None
    benchmark: Annotated[
        str | None, typer.Option("--benchmark", metavar="NAME", help="Import this benchmark of the files alone.")
    ] = None


@grouped
def import_histories(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="Files of results; - is standard input.", show_default=False)
    ],
    options: ImportOptions,
    service: ServiceOptions,
    as_json: AsJson = False,
) -> None:
    """Have a service keep results that other tools wrote, or `migperf run --json`, as points of histories.

    All files are read before the first is sent.
    """
    from dataclasses import asdict

    from migperf.cli.history_files import checked_text, print_imported
    from migperf.client import Client

    texts = [checked_text(path, options.file_format) for path in files]
    with Client(service.url) as client:
        found = [client.import_histories(text, **asdict(options)) for text in texts]
    print_imported(files, found, as_json=as_json)
