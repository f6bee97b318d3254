"""The commands that start the service or one of its processes. Each runs until it is asked to stop."""

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import migperf
from migperf.cli.options import AddressOptions, BrokerOptions, NodeOptions, StorageOptions, grouped, settings_with

if TYPE_CHECKING:
    from migperf.settings import Settings

APPLICATION = "api.process:application"
"""Named, not imported: the command line lies below the API."""
STOP_S = 2
"""How long the API lets open requests, such as event streams, end when it is asked to stop."""

Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log more.")]


@grouped
def up(
    storage: StorageOptions,
    broker: BrokerOptions,
    address: AddressOptions,
    node: NodeOptions,
    first_benchmark: Annotated[
        bool,
        typer.Option(
            "--first-benchmark/--no-first-benchmark",
            help="Run a short benchmark at the first start, to have a result to look at.",
        ),
    ] = True,
) -> None:
    """Start the whole service on this host: API, worker and scheduler. Ctrl-C stops it."""
    settings = settings_with(storage, broker, address, node)
    from migperf.cli.output import remark
    from migperf.cli.up import run_up

    raise typer.Exit(run_up(settings, first_benchmark=first_benchmark, say=remark))


@grouped
def worker(storage: StorageOptions, broker: BrokerOptions, node: NodeOptions, verbose: Verbose = False) -> None:
    """Start this host's worker, which runs what is placed on its partitions."""
    settings = settings_with(storage, broker, node)
    log_to_stderr(verbose=verbose)
    from migperf.jobs.worker import run_worker

    raise typer.Exit(run_worker(settings))


@grouped
def scheduler(storage: StorageOptions, broker: BrokerOptions, verbose: Verbose = False) -> None:
    """Start the scheduler, which places queued runs on free partitions."""
    settings = settings_with(storage, broker)
    log_to_stderr(verbose=verbose)
    from migperf.jobs.scheduler import run_scheduler

    raise typer.Exit(run_scheduler(settings))


@grouped
def api(storage: StorageOptions, broker: BrokerOptions, address: AddressOptions, verbose: Verbose = False) -> None:
    """Start the API and the web pages."""
    settings = settings_with(storage, broker, address)
    settings.require_guarded()
    sys.stdout.flush()
    command = api_command(settings, verbose=verbose)
    os.execv(command[0], command)  # noqa: S606 - our own command, without a shell


def api_command(settings: "Settings", *, verbose: bool) -> list[str]:
    """Return the command that serves the API: one process, on the address that the settings name."""
    quiet = [] if verbose else ["--no-access-log"]
    return [
        *(sys.executable, "-P", "-m", "uvicorn", APPLICATION, "--factory"),
        # Uvicorn looks in the present folder first unless it is told where to.
        *("--app-dir", str(Path(migperf.__file__).parents[1])),
        *("--host", settings.host, "--port", str(settings.port)),
        *("--root-path", settings.root_path),
        *("--timeout-graceful-shutdown", str(STOP_S)),
        *quiet,
    ]


def log_to_stderr(*, verbose: bool) -> None:
    """Write the log of this process to standard error, one line an event."""
    form = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, format=form)
    logging.getLogger("alembic").setLevel(logging.WARNING)
