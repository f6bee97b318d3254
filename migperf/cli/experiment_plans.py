"""Experiment files on this host alone: reading them, planning them for a device, and trying their layouts out."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from filelock import FileLock
from rich.text import Text

from migperf.cli.output import emit_json, facts_table, out, remark, table
from migperf.cli.problems import UsageProblem
from migperf.cli.text_files import read_text
from migperf.experiments.checking import check
from migperf.experiments.document import Experiment, parse
from migperf.experiments.errors import ExperimentError
from migperf.experiments.plan import Plan, make_plan
from migperf.experiments.target import Target
from migperf.gpus.controller import Controller
from migperf.gpus.host_cpu import cpu_partition
from migperf.gpus.inventory import discover
from migperf.gpus.layout import Layout
from migperf.gpus.simulation.boards import board_named
from migperf.gpus.simulation.driver import SimulatedDriver, open_in_memory
from migperf.statistics.digits import duration


def read(path: Path) -> Experiment:
    """Return the experiment of a file, each of whose cells some device could run. Raises UsageProblem with places."""
    try:
        experiment = parse(read_text(path))
        check(experiment)
        return experiment
    except ExperimentError as error:
        raise refusal(path, error) from error


def refusal(path: Path, error: ExperimentError) -> UsageProblem:
    """Return the error for people."""
    lines = [f"{place}: {problem}" if place else problem for place, problem in error.problems]
    return UsageProblem(f"{path} is no experiment that can be run", lines)


def plan_here(path: Path, board: str | None) -> tuple[Plan, SimulatedDriver | None]:
    """Return the plan on a simulated board, or on this host's CPU, and the board's driver. Raises UsageProblem."""
    experiment = read(path)
    driver = None if board is None else _opened(board)
    target = Target(cpu=cpu_partition()) if driver is None else Target(gpu=discover(driver).gpus[0])
    try:
        return make_plan(experiment, target), driver
    except ExperimentError as error:
        raise refusal(path, error) from error


def _opened(board: str) -> SimulatedDriver:
    """Return a host with the board, with MIG on where it has that, which on some boards takes a reset."""
    driver = open_in_memory([board_named(board).key])
    (gpu,) = discover(driver, offer_cpu=False).gpus
    if gpu.mig is not None and driver.set_mig_mode(driver.device_by_uuid(gpu.uuid), enabled=True) is not None:
        driver.reset(driver.device_by_uuid(gpu.uuid))
    return driver


def apply_layouts(plan: Plan, driver: SimulatedDriver) -> list[dict[str, Any]]:
    """Cut the simulated board as each cell will want it, in their order, and return what was done and read back.

    Raises MigperfError.
    """
    made = []
    with TemporaryDirectory() as folder:
        controller = Controller(driver=driver, lock=FileLock(Path(folder) / "lock"))
        for text in plan.layouts:
            change = controller.apply(plan.target.uuid, Layout.parse(text))
            cut = str(change.after.layout.without_places())
            made.append(
                {
                    "layout": text,
                    "steps": len(change.plan.steps),
                    "read_back": cut,
                    "as_asked": cut == str(Layout.parse(text).without_places()),
                }
            )
    return made


def print_plan(plan: Plan, applied: list[dict[str, Any]] | None, *, as_json: bool) -> None:
    """Print the plan, and what came of trying its layouts out."""
    if as_json:
        emit_json(plan.as_data() | ({} if applied is None else {"applied": applied}))
        return
    data = plan.as_data()
    show_plan(data)
    for one in applied or ():
        told = "read back as asked" if one["as_asked"] else f"read back as {one['read_back']}"
        out().print(f"applied {one['layout']} in {one['steps']} steps: {told}")


def show_plan(data: dict[str, Any]) -> None:
    """Print a plan as the service or this host gives it."""
    device = data["device"]
    simulated = " (simulated)" if device["simulated"] else ""
    cells, skipped = data["cells"], [c for c in data["cells"] if c["skipped"]]
    facts = [
        ("device", f"{device['model']}{simulated}"),
        ("cells", f"{len(cells)}" + (f", {len(skipped)} of them skipped" if skipped else "")),
        ("runs", f"{data['runs']} in {len(data['order'])} groups"),
        ("layouts", f"{', '.join(data['layouts'])}; cut {data['recuts']} times" if data["layouts"] else "none needed"),
        ("expected", f"{duration(data['expected_s'])}, by {data['expected_from']}"),
        ("at most", duration(data["longest_s"])),
    ]
    out().print(facts_table(facts))
    made = table("cell", "runs", "sharing", "layout", "one repeat", right=("runs",), whole=("one repeat",))
    for number, cell in enumerate(cells):
        name = ", ".join(f"{axis} {value}" for axis, value in cell["coordinates"].items()) or f"cell {number}"
        if cell["skipped"]:
            made.add_row(Text(name, "dim"), "–", "", Text(f"skipped: {cell['skipped']}", "yellow"), "")
        else:
            made.add_row(
                name, str(cell["runs"]), cell["sharing"] or "", cell["layout"] or "", duration(cell["expected_s"])
            )
    out().print(made)


def say_valid(path: Path, experiment: Experiment, *, as_json: bool) -> None:
    """Say that a file can be understood."""
    if as_json:
        emit_json({"valid": True, "name": experiment.name, "document": experiment.model_dump(mode="json")})
    else:
        remark(f"{path} is experiment {experiment.name!r}; `migperf experiments plan` says what it would do")
