"""Experiments of a service: submitting and following them, and printing what has become of them."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from migperf.cli.output import (
    as_data,
    emit_json,
    err,
    facts_table,
    moment,
    out,
    remark,
    saying_on_interrupt,
    table,
)
from migperf.client import Client
from migperf.client.experiment_models import (
    AttemptView,
    CellView,
    CompatibilityView,
    ExperimentDetail,
    ExperimentPlanView,
    ExperimentView,
)
from migperf.statistics.digits import duration
from migperf.store.states import GroupState

POLL_S = 0.5
_INCOMPLETE = 1
_VERDICT_STYLES = {"works": "green", "fails": "red"}


def announce(plan: ExperimentPlanView) -> None:
    """Say, before it starts, how much will be done, where, and how long that takes."""
    skipped = sum(cell.skipped is not None for cell in plan.cells)
    cells = f"{len(plan.cells)} cells" + (f" ({skipped} skipped)" if skipped else "")
    cuts = f", the GPU cut {plan.recuts} times" if plan.recuts else ""
    simulated = " (simulated)" if plan.device.simulated else ""
    remark(f"{cells}, {plan.runs} runs on {plan.device.model}{simulated}{cuts}")
    remark(f"expected {duration(plan.expected_s)} by {plan.expected_from}, at most {duration(plan.longest_s)}")


def follow(client: Client, experiment_id: str, keep: Callable[[], None] = lambda: None) -> ExperimentDetail:
    """Draw a bar until every repeat has ended; return the experiment. ``keep`` is called while waiting."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeElapsedColumn(), console=err(), transient=True) as bar:
        task = bar.add_task("measuring", total=None)
        while True:
            found = client.experiment(experiment_id)
            total, left = sum(found.repeats.values()), found.repeats.get(GroupState.OPEN, 0)
            bar.update(task, total=total, completed=total - left, description=_what_runs(found))
            if not found.is_going_on:
                return found
            keep()
            time.sleep(POLL_S)


def letting_go(experiment_id: str, *, own: bool) -> AbstractContextManager[None]:
    """Say on Ctrl-C what becomes of the experiment, then let it. ``own``: its service ends with the command."""
    cancel = f"`migperf experiments cancel {experiment_id}` ends it"
    stopped = f"stopped; it goes on when `migperf up` serves this data folder again, and then {cancel}"
    return saying_on_interrupt(stopped if own else f"the experiment goes on; {cancel}")


def status_of(found: ExperimentView) -> int:
    """Return the exit status: 0 when everything came to a result."""
    ended_well = {GroupState.SUCCEEDED, GroupState.DOES_NOT_FIT, GroupState.DOES_NOT_COMPILE}
    return 0 if set(found.repeats) <= ended_well else _INCOMPLETE


def print_experiments(found: list[ExperimentView]) -> None:
    """Print a table of experiments."""
    made = table("id", "name", "state", "created", "repeats", whole=("id",))
    for one in found:
        made.add_row(one.id, one.name, one.state, moment(one.created_at), _repeats(one))
    out().print(made)


def print_experiment(found: ExperimentDetail, *, as_json: bool) -> None:
    """Print an experiment with its cells."""
    if as_json:
        emit_json(as_data(found))
        return
    facts = [
        ("experiment", f"{found.name} ({found.id})"),
        ("title", found.title),
        ("state", found.state),
        ("created", moment(found.created_at)),
        ("finished", moment(found.finished_at)),
        ("repeats", _repeats(found)),
    ]
    out().print(facts_table(facts))
    made = table("cell", "runs", "sharing", "layout", "repeats")
    for cell in found.cell_list:
        made.add_row(_name(cell), *_shape(cell), _standing(cell))
    out().print(made)


def print_compatibility(found: CompatibilityView, *, as_json: bool) -> None:
    """Print a line for each framework, task and partition: as columns, many partitions would not fit a terminal."""
    if as_json:
        emit_json(as_data(found))
        return
    if not found.rows:
        remark("it has no probes: experiments/migperf/cpu/framework-compatibility.yaml has some")
        return
    made = table("framework", "task", "partition", "verdict", "version", "device, or why not")
    for row in found.rows:
        for column, cell in zip(found.columns, row.cells, strict=True):
            place = f"{column.partition} (simulated)" if column.simulated else column.partition
            verdict = Text(cell.verdict.replace("_", " "), _VERDICT_STYLES.get(cell.verdict, ""))
            told = Text(cell.reason or cell.device or "")
            made.add_row(Text(row.framework), row.task, Text(place), verdict, Text(cell.version or "–"), told)
    out().print(made)


def write_report(client: Client, found: ExperimentView, path: Path) -> None:
    """Save the report of what there is."""
    path.write_bytes(client.experiment_report(found.id))
    remark(f"report: {path}")


def _what_runs(found: ExperimentDetail) -> str:
    for cell in found.cell_list:
        if any(run.state == "running" for attempt in cell.attempts for run in attempt.runs):
            return _name(cell)
    return "waiting"


def _name(cell: CellView) -> str:
    return ", ".join(f"{axis} {value}" for axis, value in cell.coordinates.items()) or f"cell {cell.number}"


def _shape(cell: CellView) -> tuple[str, str, str]:
    runs = str(cell.clients) if not cell.neighbours else f"{cell.clients} + {cell.neighbours}"
    sharing = "" if cell.sharing is None else str(cell.sharing.get("mode", ""))
    return runs, sharing, cell.layout or ""


def _standing(cell: CellView) -> Text:
    if cell.skipped is not None:
        return Text(f"skipped: {cell.skipped}", "yellow")
    newest: dict[int, AttemptView] = {attempt.repeat: attempt for attempt in cell.attempts}
    states = [attempt.state for attempt in newest.values()]
    told = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    reason = next((run.reason for attempt in newest.values() for run in attempt.runs if run.reason), None)
    return Text(told + (f": {reason.splitlines()[0]}" if reason else ""))


def _repeats(found: ExperimentView) -> str:
    counted = ", ".join(f"{count} {state}" for state, count in found.repeats.items()) or "none"
    return counted + (f"; {found.skipped_cells} cells skipped" if found.skipped_cells else "")
