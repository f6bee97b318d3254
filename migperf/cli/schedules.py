"""The commands about schedules: ``migperf schedules …``."""

from pathlib import Path
from typing import Annotated

import typer

from migperf.cli.options import AsJson, ServiceOptions, grouped

app = typer.Typer(no_args_is_help=True, help="Have a service measure again and again, by the clock.")
File = Annotated[
    Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="The schedule, YAML.", show_default=False)
]
Name = Annotated[str, typer.Argument(metavar="SCHEDULE", help="Name or id of the schedule.", show_default=False)]


@app.command()
def validate(file: File, as_json: AsJson = False) -> None:
    """Say whether a file is a schedule and when it would fire next, or what is wrong with it."""
    from migperf.cli.schedule_tables import read, say_valid

    say_valid(file, read(file), as_json=as_json)


@app.command()
@grouped
def add(
    file: File,
    replace: Annotated[
        bool, typer.Option("--replace", help="Change the schedule of that name, if there is one.")
    ] = False,
    *,
    service: ServiceOptions,
    as_json: AsJson = False,
) -> None:
    """Have a service keep a schedule, which fires from now on."""
    from migperf.cli.schedule_tables import print_schedule, read
    from migperf.client import ApiNotFoundError, Client

    schedule = read(file)
    document = schedule.model_dump(mode="json")
    with Client(service.url) as client:
        try:
            kept = client.replace_schedule(schedule.name, document) if replace else client.add_schedule(document)
        except ApiNotFoundError:
            kept = client.add_schedule(document)
    print_schedule(kept, as_json=as_json)


@app.command("list")
@grouped
def list_schedules(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="At most so many.")] = 50,
    *,
    service: ServiceOptions,
    as_json: AsJson = False,
) -> None:
    """List schedules, newest first, with when each fires next and what became of its last firing."""
    from migperf.cli.output import as_data, emit_json
    from migperf.cli.schedule_tables import print_schedules
    from migperf.client import Client

    with Client(service.url) as client:
        found = list(client.schedules(limit))
    return emit_json(as_data(found)) if as_json else print_schedules(found)


@app.command()
@grouped
def show(schedule: Name, service: ServiceOptions, as_json: AsJson = False) -> None:
    """Show a schedule, its next five times and what became of its latest firings."""
    from migperf.cli.schedule_tables import print_schedule
    from migperf.client import Client

    with Client(service.url) as client:
        print_schedule(client.schedule(schedule), as_json=as_json)


@app.command()
@grouped
def pause(schedule: Name, service: ServiceOptions) -> None:
    """Have a schedule not fire any more; what it has submitted goes on."""
    from migperf.cli.output import remark
    from migperf.client import Client

    with Client(service.url) as client:
        client.pause_schedule(schedule)
    remark("paused; `migperf schedules resume` has it fire again")


@app.command()
@grouped
def resume(schedule: Name, service: ServiceOptions) -> None:
    """Have a paused schedule fire again from now on; what fell meanwhile is not made up for."""
    from migperf.cli.output import moment, remark
    from migperf.client import Client

    with Client(service.url) as client:
        found = client.resume_schedule(schedule)
    remark(f"next: {moment(next(iter(found.next_times), None))}")


@app.command("run-now")
@grouped
def run_now(schedule: Name, service: ServiceOptions, as_json: AsJson = False) -> None:
    """Submit at once what a schedule submits, whatever its times, also while it is paused."""
    from migperf.cli.output import as_data, emit_json, remark
    from migperf.client import Client

    with Client(service.url) as client:
        fired = client.fire_schedule(schedule)
    if as_json:
        return emit_json(as_data(fired))
    typer.echo(fired.run_id or fired.experiment_id)
    followed = "runs" if fired.run_id else "experiments"
    return remark(f"queued; `migperf {followed} watch {fired.run_id or fired.experiment_id}` follows it")


@app.command()
@grouped
def delete(schedule: Name, service: ServiceOptions) -> None:
    """Delete a schedule with what is known of its firings; what it has submitted stays."""
    from migperf.cli.output import remark
    from migperf.client import Client

    with Client(service.url) as client:
        client.delete_schedule(schedule)
    remark("deleted")
