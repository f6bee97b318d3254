"""The command ``migperf``: its commands, and what becomes of their errors.

Everything heavy is imported inside the commands, so that help answers at once.
"""

import os
import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from migperf.cli import (
    advise,
    alerts,
    benchmarks,
    catalogue,
    check,
    compare,
    database,
    environments,
    experiments,
    gpus,
    histories,
    identity,
    keys,
    layouts,
    mig,
    regressions,
    rooflines,
    runs,
    schedules,
    service,
)

_HERE, _CUT, _THERE, _SERVICE = "Measure", "Cut this host's GPUs", "Look at a service", "Run a service"

app = typer.Typer(
    name="migperf",
    help="Measure how fast a workload runs on a GPU, a piece of one, or a CPU, in numbers that can be defended.",
    epilog="Try: migperf run resnet18 -p batch_size=8",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(rich_help_panel=_HERE)(benchmarks.run)
app.command(rich_help_panel=_HERE)(catalogue.workloads)
app.command(rich_help_panel=_HERE)(catalogue.partitions)
app.command(rich_help_panel=_CUT)(gpus.gpus)
app.add_typer(mig.app, name="mig", rich_help_panel=_CUT)
app.command(rich_help_panel=_THERE)(benchmarks.submit)
app.command(rich_help_panel=_THERE)(environments.environments)
app.add_typer(runs.app, name="runs", rich_help_panel=_THERE)
app.add_typer(layouts.app, name="layouts", rich_help_panel=_THERE)
app.add_typer(experiments.app, name="experiments", rich_help_panel=_HERE)
app.add_typer(schedules.app, name="schedules", rich_help_panel=_THERE)
app.add_typer(histories.app, name="histories", rich_help_panel=_THERE)
app.add_typer(regressions.app, name="regressions", rich_help_panel=_THERE)
app.command(rich_help_panel=_THERE)(compare.compare)
app.command(rich_help_panel=_THERE)(check.check)
app.command(rich_help_panel=_THERE)(advise.advise)
app.command(rich_help_panel=_THERE)(rooflines.calibrate)
app.command(rich_help_panel=_THERE)(rooflines.roofline)
app.add_typer(alerts.app, name="alerts", rich_help_panel=_THERE)
app.command(rich_help_panel=_THERE)(identity.whoami)
app.command(rich_help_panel=_SERVICE)(service.up)
app.command(rich_help_panel=_SERVICE)(service.api)
app.command(rich_help_panel=_SERVICE)(service.worker)
app.command(rich_help_panel=_SERVICE)(service.scheduler)
app.add_typer(keys.app, name="keys", rich_help_panel=_SERVICE)
app.add_typer(database.app, name="db", rich_help_panel=_SERVICE)


def _show_version(wanted: bool) -> None:
    if wanted:
        import migperf

        typer.echo(f"migperf {migperf.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    debug: Annotated[
        bool, typer.Option("--debug", envvar="MIGPERF_DEBUG", help="Show where an error happened.", show_envvar=True)
    ] = False,
    version: Annotated[  # noqa: ARG001 - its callback does it all
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    context.obj = debug
    if debug:
        os.environ["MIGPERF_DEBUG"] = "1"


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command that the arguments name (those of the process by default), and exit with its status."""
    try:
        app(args=arguments, prog_name="migperf")
    except Exception as error:
        if os.environ.get("MIGPERF_DEBUG", "") not in ("", "0", "false"):
            raise
        from migperf.cli.problems import report

        sys.exit(report(error))
    raise AssertionError("Typer exits by itself")


if __name__ == "__main__":
    main()
