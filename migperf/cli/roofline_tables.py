"""Rooflines and what partitions attain, as people see them."""

from collections.abc import Iterable, Iterator

from rich.table import Table
from rich.text import Text

from migperf.cli.output import facts_table, out, table
from migperf.client.roofline_models import AttainedView, EstimateView, PlacingView, RooflineView, RoofView
from migperf.statistics.digits import Shown, show

TERA, GIGA = 1e12, 1e9
_NEITHER = "overhead"


def print_roofline(found: RooflineView) -> None:
    """Print a run under its roofs, or why there is none."""
    console = out()
    if found.attained is not None:
        console.print(facts_table(_attained_facts(found.attained)))
    if found.roofs:
        console.print()
        console.print(_table(found.roofs))
    for line in _notes(found):
        console.print(Text(line, "dim"))


def print_attained(found: Iterable[tuple[str, RooflineView]]) -> None:
    """Print what partitions attain; the roofline is that of a run on each, named by its partition."""
    console = out()
    for number, (name, one) in enumerate(found):
        if number:
            console.print()
        console.print(Text(name, "bold"), soft_wrap=True)
        if one.roofs:
            console.print(_attained(one))
        for line in _notes(one.model_copy(update={"roofs": ()})):
            console.print(Text(line, "dim"))


def _attained(one: RooflineView) -> Table:
    made = table("What", "Attained", "Unit", "Interval", right=("Attained",), whole=("What",))
    for what, estimate, unit, scale in _ceilings(one):
        shown = _shown(estimate, scale)
        made.add_row(what, Text(shown.value, "bold"), unit, _interval(shown))
    return made


def _ceilings(one: RooflineView) -> Iterator[tuple[str, EstimateView, str, float]]:
    for roof in one.roofs:
        yield f"{roof.precision} products", roof.flops_per_s, "TFLOP/s", TERA
    if one.bytes_per_s is not None:
        yield "memory copy", one.bytes_per_s, "GB/s", GIGA


def _attained_facts(attained: AttainedView) -> Iterator[tuple[str, str]]:
    steps, flops = _shown(attained.steps_per_s), attained.flops_per_step
    yield "steps", f"{steps.value} /s" + ("" if steps.low is None else f" ({_interval(steps)})")
    yield (
        "FLOPs",
        f"{show(flops / GIGA).value} GFLOP a step, {show(flops * attained.steps_per_s.value / TERA).value} TFLOP/s",
    )
    yield "bytes", f"{_mb(attained.bytes_per_step)} MB a step unfused, {_mb(attained.least_bytes_per_step)} MB at least"


def _mb(size: float) -> str:
    return show(round(size / 1e6, 3)).value


def _table(roofs: Iterable[RoofView]) -> Table:
    columns = ("Roof", "Bytes", "FLOP/B", "Ridge", "TFLOP/s", "Fraction", "Interval", "Bound")
    made = table(*columns, right=("FLOP/B", "Ridge", "TFLOP/s", "Fraction"), whole=("Roof", "Bytes", "Interval"))
    for roof in roofs:
        for number, (name, placing) in enumerate((("unfused", roof.unfused), ("least", roof.least))):
            made.add_row("" if number else _roof_name(roof), name, *_cells(placing, roof.ridge))
    return made


def _roof_name(roof: RoofView) -> str:
    return f"{roof.precision}*" if roof.of_run else roof.precision


def _cells(placing: PlacingView, ridge: float) -> tuple[str, str, str, Text, str, str]:
    intensity = "–" if placing.intensity is None else show(placing.intensity).value
    attainable = show(placing.attainable_flops_per_s / TERA).value
    fraction = _shown(placing.fraction)
    return intensity, show(ridge).value, attainable, Text(fraction.value, "bold"), _interval(fraction), placing.bound


def _notes(found: RooflineView) -> Iterator[str]:
    if found.absent is not None:
        yield f"not placed: {found.absent}"
    if any(roof.of_run for roof in found.roofs):
        yield "*: the precision that the run computed in"
    if found.roofs:
        yield "TFLOP/s: attainable at that intensity; fraction: attained of it, with its interval"
    if any(_NEITHER in (roof.unfused.bound, roof.least.bound) for roof in found.roofs):
        yield "overhead: near neither limit; launches, the host or small kernels are likelier causes"
    if found.simulated:
        yield "simulated: no such hardware exists there"


def _shown(estimate: EstimateView, scale: float = 1.0) -> Shown:
    if estimate.interval is None:
        return show(estimate.value / scale)
    return show(estimate.value / scale, estimate.interval.low / scale, estimate.interval.high / scale)


def _interval(shown: Shown) -> str:
    return "–" if shown.low is None else f"{shown.low} to {shown.high}"
