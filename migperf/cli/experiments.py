"""The commands about experiments: ``migperf experiments …``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from migperf.cli.options import AsJson, ServiceOptions, grouped

app = typer.Typer(no_args_is_help=True, help="Measure over many settings, side by side, and report what came of it.")
File = Annotated[
    Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="The experiment, YAML.", show_default=False)
]
ExperimentId = Annotated[str, typer.Argument(metavar="EXPERIMENT", help="Id of the experiment.")]
Report = Annotated[
    Path | None, typer.Option("--report", "-o", metavar="FILE", dir_okay=False, help="Write the report here, HTML.")
]


@app.command()
def validate(file: File, as_json: AsJson = False) -> None:
    """Say whether a file is an experiment, and what is wrong with it."""
    from migperf.cli.experiment_plans import read, say_valid

    say_valid(file, read(file), as_json=as_json)


@app.command()
@grouped
def plan(
    file: File,
    board: Annotated[
        str | None, typer.Option("--board", metavar="KEY", help="Plan for this simulated board, such as a100-80gb.")
    ] = None,
    here: Annotated[bool, typer.Option("--here", help="Plan for this host's CPU, without a service.")] = False,
    apply: Annotated[
        bool, typer.Option("--apply", help="With --board: cut the simulated board as the plan says, and read it back.")
    ] = False,
    *,
    service: ServiceOptions,
    as_json: AsJson = False,
) -> None:
    """Show what an experiment would do: cells, layouts, order, expected time. Asks the service, or looks here."""
    from migperf.cli import experiment_plans
    from migperf.cli.problems import UsageProblem

    if apply and board is None:
        raise UsageProblem("--apply cuts a simulated board; name one by --board")
    if board is not None or here:
        made, driver = experiment_plans.plan_here(file, board)
        applied = experiment_plans.apply_layouts(made, driver) if apply and driver is not None else None
        return experiment_plans.print_plan(made, applied, as_json=as_json)
    from migperf.cli.output import as_data, emit_json
    from migperf.client import Client

    document = _document(file)
    with Client(service.url) as client:
        data: dict[str, Any] = as_data(client.plan_experiment(document))
    return emit_json(data) if as_json else experiment_plans.show_plan(data)


@app.command()
@grouped
def run(file: File, report: Report = None, *, service: ServiceOptions, as_json: AsJson = False) -> None:
    """Perform an experiment and write its report. Starts a service for it if none is running."""
    from migperf.cli.experiment_runs import announce, follow, letting_go, print_experiment, status_of, write_report
    from migperf.cli.output import remark
    from migperf.cli.own_service import a_service

    document = _document(file)
    with a_service(service.url, remark) as (client, keep, own):
        announce(client.plan_experiment(document))
        submitted = client.submit_experiment(document)
        remark(f"experiment {submitted.id}: `migperf experiments show` follows it, `cancel` ends it")
        with letting_go(submitted.id, own=own):
            found = follow(client, submitted.id, keep)
        write_report(client, found, report or Path(f"{found.name}-{found.id[-12:]}.html"))
    print_experiment(found, as_json=as_json)
    raise typer.Exit(status_of(found))


@app.command()
@grouped
def submit(file: File, *, service: ServiceOptions, as_json: AsJson = False) -> None:
    """Queue all runs of an experiment at a service, and return at once."""
    from migperf.cli.experiment_runs import announce
    from migperf.cli.output import as_data, emit_json, remark
    from migperf.client import Client

    document = _document(file)
    with Client(service.url) as client:
        announce(client.plan_experiment(document))
        submitted = client.submit_experiment(document)
    if as_json:
        emit_json(as_data(submitted))
    else:
        typer.echo(submitted.id)
        remark(f"{submitted.cells} cells queued; `migperf experiments watch {submitted.id}` follows it")


@app.command("list")
@grouped
def list_experiments(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="At most so many.")] = 50,
    *,
    service: ServiceOptions,
    as_json: AsJson = False,
) -> None:
    """List experiments, newest first."""
    from migperf.cli.experiment_runs import print_experiments
    from migperf.cli.output import as_data, emit_json
    from migperf.client import Client

    with Client(service.url) as client:
        found = list(client.experiments(limit))
    return emit_json(as_data(found)) if as_json else print_experiments(found)


@app.command()
@grouped
def show(experiment: ExperimentId, service: ServiceOptions, as_json: AsJson = False) -> None:
    """Show an experiment with its cells and what has become of each."""
    from migperf.cli.experiment_runs import print_experiment
    from migperf.client import Client

    with Client(service.url) as client:
        print_experiment(client.experiment(experiment), as_json=as_json)


@app.command()
@grouped
def watch(experiment: ExperimentId, service: ServiceOptions, as_json: AsJson = False) -> None:
    """Follow an experiment to its end; the exit status is 0 if every repeat came to a result."""
    from migperf.cli.experiment_runs import follow, letting_go, print_experiment, status_of
    from migperf.client import Client

    with Client(service.url) as client, letting_go(experiment, own=False):
        found = follow(client, experiment)
    print_experiment(found, as_json=as_json)
    raise typer.Exit(status_of(found))


@app.command()
@grouped
def cancel(experiment: ExperimentId, service: ServiceOptions) -> None:
    """Cancel what of an experiment has not ended; what was measured stays."""
    from migperf.cli.output import remark
    from migperf.client import Client

    with Client(service.url) as client:
        client.cancel_experiment(experiment)
    remark("cancelled; `migperf experiments resume` takes it up again")


@app.command()
@grouped
def resume(experiment: ExperimentId, service: ServiceOptions) -> None:
    """Queue again what failed or was cancelled."""
    from migperf.cli.output import remark
    from migperf.client import Client

    with Client(service.url) as client:
        queued = client.resume_experiment(experiment)
    remark(f"{queued} repeats queued again" if queued else "nothing is left to do")


@app.command()
@grouped
def delete(experiment: ExperimentId, service: ServiceOptions) -> None:
    """Delete an experiment that has ended, with all of its runs."""
    from migperf.cli.output import remark
    from migperf.client import Client

    with Client(service.url) as client:
        client.delete_experiment(experiment)
    remark("deleted")


@app.command()
@grouped
def report(experiment: ExperimentId, report: Report = None, *, service: ServiceOptions) -> None:
    """Write the report of an experiment, of what there is by now."""
    from migperf.cli.experiment_runs import write_report
    from migperf.client import Client

    with Client(service.url) as client:
        found = client.experiment(experiment)
        write_report(client, found, report or Path(f"{found.name}-{found.id[-12:]}.html"))


@app.command()
@grouped
def export(
    experiment: ExperimentId,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to: NAME.csv or NAME.parquet.")],
    service: ServiceOptions,
) -> None:
    """Write every figure of every run of an experiment, a row each."""
    from migperf.cli.problems import UsageProblem
    from migperf.client import Client

    form = file.suffix.removeprefix(".")
    if form not in ("csv", "parquet"):
        raise UsageProblem(f"{file.name} is neither .csv nor .parquet; name it so")
    with Client(service.url) as client:
        file.write_bytes(client.experiment_results(experiment, form))


@app.command()
@grouped
def compatibility(experiment: ExperimentId, service: ServiceOptions, as_json: AsJson = False) -> None:
    """Tell which framework works on which partition, by the probes of an experiment so far."""
    from migperf.cli.experiment_runs import print_compatibility
    from migperf.client import Client

    with Client(service.url) as client:
        print_compatibility(client.experiment_compatibility(experiment), as_json=as_json)


def _document(file: Path) -> dict[str, Any]:
    """Return the experiment of a file as it is sent. Raises UsageProblem."""
    from migperf.cli.experiment_plans import read

    return read(file).model_dump(mode="json")
