"""The commands that cut this host's GPUs: ``migperf mig …``. They ask the driver, not a service."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from migperf.cli.options import AsJson, StorageOptions, grouped, settings_with

if TYPE_CHECKING:
    from migperf.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Look at how this host's GPUs are cut (MIG), and cut them.")

Gpu = Annotated[
    str | None,
    typer.Option(
        "--gpu",
        "-g",
        metavar="GPU",
        help="Index, UUID or beginning of the UUID; needed where several GPUs can be cut.",
        show_default=False,
    ),
]
SomeGpu = Annotated[
    str | None,
    typer.Option(
        "--gpu",
        "-g",
        metavar="GPU",
        help="Index, UUID or beginning of the UUID of the only one to look at.",
        show_default=False,
    ),
]
Wanted = Annotated[
    str,
    typer.Argument(
        metavar="LAYOUT|FILE",
        help="A layout, such as 3g.40gb+2x2g.20gb, 3g.40gb@4, 7g.80gb(3c+4c), empty or off; or a YAML file, "
        "- for standard input.",
    ),
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Go on although processes seem to use what goes; what one really uses stays."),
]


@app.command()
@grouped
def plan(wanted: Wanted, storage: StorageOptions, gpu: Gpu = None, as_json: AsJson = False) -> None:
    """Show what applying a layout would do: the same as apply --dry-run."""
    _apply(settings_with(storage), wanted, gpu, force=False, dry_run=True, as_json=as_json)


@app.command()
@grouped
def apply(
    wanted: Wanted,
    storage: StorageOptions,
    gpu: Gpu = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Cut GPUs as wanted. What can stay stays, and a GPU that is cut so already is left alone."""
    _apply(settings_with(storage), wanted, gpu, force=force, dry_run=dry_run, as_json=as_json)


@app.command()
@grouped
def export(
    storage: StorageOptions,
    gpu: SomeGpu = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write how the GPUs are cut, as YAML that apply and assert read."""
    settings = settings_with(storage)
    from migperf.cli.host_gpus import choose_gpus, host_gpus, opened_driver
    from migperf.cli.layout_file import document_of, layout_file_of, yaml_of
    from migperf.cli.output import emit_json, remark

    with opened_driver(settings) as driver:
        file = layout_file_of(choose_gpus(host_gpus(driver), gpu))
    if output is not None:
        output.write_text(yaml_of(file))
        remark(f"{output} says how this host's GPUs are cut ({len(file.gpus)})")
    if as_json:
        emit_json(document_of(file))
    elif output is None:
        typer.echo(yaml_of(file), nl=False)


@app.command("assert")
@grouped
def assert_(wanted: Wanted, storage: StorageOptions, gpu: SomeGpu = None, as_json: AsJson = False) -> None:
    """Check that the GPUs are cut so; exit status 1 if one is not. Places count where they are given."""
    settings = settings_with(storage)
    from migperf.cli.host_gpus import opened_driver
    from migperf.cli.layout_changes import compare, show_comparisons
    from migperf.cli.layout_targets import every_target

    with opened_driver(settings) as driver:
        compared = [compare(one, layout) for one, layout in every_target(driver, wanted, gpu)]
    show_comparisons(compared, as_json=as_json)
    raise typer.Exit(0 if all(one.is_equal for one in compared) else 1)


@app.command()
@grouped
def enable(storage: StorageOptions, gpu: Gpu = None, force: Force = False, as_json: AsJson = False) -> None:
    """Turn MIG on, and say what is left to do where that needs a reset."""
    _set_mode(settings_with(storage), gpu, enabled=True, force=force, as_json=as_json)


@app.command()
@grouped
def disable(storage: StorageOptions, gpu: Gpu = None, force: Force = False, as_json: AsJson = False) -> None:
    """Destroy every instance of a GPU and turn MIG off."""
    _set_mode(settings_with(storage), gpu, enabled=False, force=force, as_json=as_json)


@app.command()
@grouped
def reset(storage: StorageOptions, gpu: Gpu = None, as_json: AsJson = False) -> None:
    """Reset a simulated GPU; for a real one, say how."""
    settings = settings_with(storage)
    from migperf.cli.host_gpus import choose_gpu, host_gpus, opened_driver
    from migperf.cli.mode_changes import show_mode
    from migperf.cli.problems import UsageProblem
    from migperf.jobs.local_layouts import LocalLayouts, ResetRefusedError

    with opened_driver(settings) as driver:
        one = choose_gpu(host_gpus(driver), gpu)
        try:
            made = LocalLayouts(settings, driver).reset(one.gpu.uuid)
        except ResetRefusedError as error:
            raise UsageProblem(str(error)) from error
    show_mode(one.index, made, what="reset", as_json=as_json)


@app.command()
@grouped
def profiles(storage: StorageOptions, gpu: Gpu = None, as_json: AsJson = False) -> None:
    """List the profiles that a GPU can be cut into, and how their instances can be cut further."""
    settings = settings_with(storage)
    from migperf.cli.host_gpus import opened_driver
    from migperf.cli.layout_tables import show_profiles

    with opened_driver(settings) as driver:
        show_profiles(driver, gpu, as_json=as_json)


@app.command()
@grouped
def layouts(
    storage: StorageOptions,
    gpu: Gpu = None,
    every: Annotated[bool, typer.Option("--all", help="Also those to which something can be added.")] = False,
    contains: Annotated[
        list[str] | None,
        typer.Option("--contains", metavar="PROFILE", help="Only those with this profile; can be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the legal layouts of a GPU, by default those to which nothing can be added."""
    settings = settings_with(storage)
    from migperf.cli.host_gpus import opened_driver
    from migperf.cli.layout_tables import show_layouts

    with opened_driver(settings) as driver:
        show_layouts(driver, gpu, contains or [], every=every, as_json=as_json)


def _apply(settings: "Settings", wanted: str, gpu: str | None, *, force: bool, dry_run: bool, as_json: bool) -> None:
    from migperf.cli.host_gpus import opened_driver
    from migperf.cli.layout_changes import apply_all
    from migperf.cli.layout_targets import targets
    from migperf.jobs.local_layouts import LocalLayouts

    with opened_driver(settings) as driver:
        chosen = targets(driver, wanted, gpu)
        apply_all(LocalLayouts(settings, driver), chosen, force=force, dry_run=dry_run, as_json=as_json)


def _set_mode(settings: "Settings", gpu: str | None, *, enabled: bool, force: bool, as_json: bool) -> None:
    from migperf.cli.host_gpus import choose_gpu, host_gpus, opened_driver
    from migperf.cli.mode_changes import show_mode
    from migperf.jobs.local_layouts import LocalLayouts

    with opened_driver(settings) as driver:
        one = choose_gpu(host_gpus(driver), gpu)
        made = LocalLayouts(settings, driver).set_mode(one.gpu.uuid, enabled=enabled, force=force)
    show_mode(one.index, made, what="enable" if enabled else "disable", as_json=as_json)
