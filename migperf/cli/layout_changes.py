"""Applying layouts and comparing them with how GPUs are cut, and what is shown of that."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from migperf.cli.host_gpus import HostGpu, heading
from migperf.cli.layout_targets import Target
from migperf.cli.output import emit_json, out, remark
from migperf.cli.slices import Pen, draw_gpu, draw_layout
from migperf.errors import MigperfError
from migperf.gpus.controller import Change
from migperf.gpus.gpu import Gpu
from migperf.gpus.layout import Layout
from migperf.gpus.plan import LayoutImpossibleError, Plan, Step
from migperf.gpus.planning import make_plan
from migperf.jobs.local_layouts import LocalLayouts

INDENT = 2


def apply_all(layouts: LocalLayouts, targets: Sequence[Target], *, force: bool, dry_run: bool, as_json: bool) -> None:
    """Apply a layout to each GPU, one after the other, and show what was done. Raises MigperfError.

    Every plan is made before anything is done, so that one that cannot be made leaves every GPU alone.
    """
    for one, layout in targets if len(targets) > 1 else ():
        layouts.apply(one.gpu.uuid, layout, dry_run=True)
    made: list[tuple[HostGpu, Change]] = []
    for one, layout in targets:
        try:
            change = layouts.apply(one.gpu.uuid, layout, force=force, dry_run=dry_run)
        except MigperfError:
            if made:
                remark(f"done before that: {', '.join(str(done) for done, _ in made)}")
            raise
        made.append((one, change))
        if not as_json:
            _print(one, change, dry_run=dry_run, first=len(made) == 1)
    if as_json:
        emit_json([_as_data(one, change, dry_run=dry_run) for one, change in made])


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a GPU is cut and how it should be."""

    one: HostGpu
    wanted: Layout
    differences: tuple[str, ...] = ()
    """What would have to be done, or why it cannot be."""

    @property
    def is_equal(self) -> bool:
        """Whether the GPU is cut as wanted."""
        return not self.differences

    @property
    def verdict(self) -> str:
        """How the GPU is cut, against what is wanted."""
        if self.one.gpu.problem is not None:
            return f"{self.one} cannot be read"
        against = "as it should be" if self.is_equal else f"not {self.wanted}"
        return f"{self.one} is cut {self.one.gpu.layout}, {against}"

    def as_data(self) -> dict[str, Any]:
        """Return it for a JSON document."""
        return self.one.as_data() | {
            "equal": self.is_equal,
            "wanted": str(self.wanted),
            "actual": None if self.one.gpu.problem else str(self.one.gpu.layout),
            "differences": list(self.differences),
        }


def compare(one: HostGpu, wanted: Layout) -> Comparison:
    """Compare: a GPU is cut as wanted if nothing would have to be done to it."""
    try:
        plan = make_plan(one.gpu, wanted)
    except LayoutImpossibleError as error:
        return Comparison(one, wanted, (str(error),))
    return Comparison(one, wanted, tuple(f"to do: {step}" for step in plan.steps))


def show_comparisons(compared: Sequence[Comparison], *, as_json: bool) -> None:
    """Print what differs, or that nothing does."""
    if as_json:
        equal = all(one.is_equal for one in compared)
        return emit_json({"equal": equal, "gpus": [one.as_data() for one in compared]})
    for found in compared:
        out().print(Text(found.verdict, "" if found.is_equal else "red"), soft_wrap=True)
        for line in found.differences:
            out().print(Text(f"  {line}"), soft_wrap=True)
    return None


def _as_data(one: HostGpu, change: Change, *, dry_run: bool) -> dict[str, Any]:
    return one.as_data() | {
        "before": str(change.plan.before),
        "after": str(change.plan.after),
        "steps": [str(step) for step in change.plan.steps],
        "destroys": list(change.plan.doomed),
        "done": change.changed and not dry_run,
    }


def _print(one: HostGpu, change: Change, *, dry_run: bool, first: bool) -> None:
    console = out()
    if not first:
        console.print()
    console.print(heading(one), soft_wrap=True)
    if not change.changed:
        console.print(f"is cut so already: {change.plan.after}", soft_wrap=True)
        _print_drawn(draw_gpu(change.after, Pen.of(console, INDENT)))
        return
    console.print(Text.assemble(("before", "bold"), f"  {change.plan.before}"), soft_wrap=True)
    _print_drawn(draw_gpu(change.before, Pen.of(console, INDENT)))
    console.print(Text("to do" if dry_run else "done", "bold"))
    console.print(_indented(_step_table(change.plan.steps)))
    console.print(Text.assemble(("after", "bold"), f"   {change.plan.after}"), soft_wrap=True)
    pen = Pen.of(console, INDENT)
    _print_drawn(_draw_planned(change.before, change.plan, pen) if dry_run else draw_gpu(change.after, pen))


def _draw_planned(gpu: Gpu, plan: Plan, pen: Pen) -> list[Text]:
    return draw_gpu(gpu, pen) if gpu.geometry is None else draw_layout(gpu.geometry, plan.after, pen)


def _print_drawn(lines: Iterable[Text]) -> None:
    for line in lines:
        out().print(_indented(line))


def _indented(shown: Text | Table) -> Padding:
    return Padding(shown, (0, 0, 0, INDENT), expand=False)


def _step_table(steps: Sequence[Step]) -> Table:
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0))
    made.add_column(justify="right")
    made.add_column(overflow="fold")
    for number, text in _numbered(steps):
        made.add_row(number, Text(text))
    return made


def _numbered(steps: Sequence[Step]) -> Iterator[tuple[str, str]]:
    return ((f"{number}.", str(step)) for number, step in enumerate(steps, start=1))
