"""What is wrong with an experiment on whatever device: found before any device is looked at."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from migperf.experiments.axes import Cell, expand
from migperf.experiments.document import Experiment, Settings
from migperf.experiments.errors import ExperimentError
from migperf.experiments.group import MAX_MEMBERS
from migperf.gpus.partition import PartitionKind
from migperf.measure.benchmark import Benchmark

_WHOLE_DEVICES = (None, PartitionKind.CPU, PartitionKind.GPU, PartitionKind.MIG)
_PLACED_BY_THE_EXPERIMENT = ("where", "layout", "restore_layout", "seed")


def check(experiment: Experiment) -> tuple[Cell, ...]:
    """Return the cells, each of which some device could run. Raises ExperimentError, with a cell's coordinates."""
    check_where(experiment)
    cells = expand(experiment)
    for cell in cells:
        check_cell(cell)
    return cells


def check_where(experiment: Experiment) -> None:
    """Check that ``where`` names a device, and leaves to the cells what they get of it. Raises ExperimentError."""
    where, problems = experiment.where, []
    if where.profile is not None:
        problems.append(("where.profile", "where says which device; say by partition what a run gets of it"))
    if where.kind not in _WHOLE_DEVICES:
        problems.append(("where.kind", f"{where.kind} comes of sharing; write cpu or gpu, and sharing"))
    if problems:
        raise ExperimentError(problems)


def check_cell(cell: Cell) -> None:
    """Raise ExperimentError for what no device could make right."""
    if problems := list(_problems(cell.settings)):
        raise ExperimentError((f"cell {cell}: {place}", problem) for place, problem in problems)
    for place, benchmark in _benchmarks(cell.settings):
        try:
            Benchmark.model_validate(benchmark)
        except ValidationError as error:
            raise ExperimentError.of(error, f"cell {cell}: {place}") from error


def _benchmarks(settings: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "benchmark", settings.benchmark
    for number, neighbour in enumerate(settings.neighbours):
        yield f"neighbours.{number}.benchmark", neighbour.benchmark


def _problems(settings: Settings) -> Iterator[tuple[str, str]]:
    for place, benchmark in _benchmarks(settings):
        for name in _PLACED_BY_THE_EXPERIMENT:
            if name in benchmark:
                yield f"{place}.{name}", "the experiment says where, and with which seed; leave it out"
        for name in ("search", "profile"):
            if settings.runs > 1 and benchmark.get(name):
                yield f"{place}.{name}", "is for a run that is alone; measure with one client and no neighbours"
    if settings.runs > MAX_MEMBERS:
        yield "clients", f"{settings.runs} runs are more than the {MAX_MEMBERS} that can be measured together"
    if settings.runs > 1 and settings.sharing is None:
        yield "sharing", "runs that are measured together need it, such as time_slicing"
    if settings.shares is not None and settings.sharing is None:
        yield "shares", "says into how many parts sharing divides the device; give sharing, or leave it out"
    if settings.share_count < settings.runs:
        yield "shares", f"{settings.runs} runs need as many shares, not {settings.share_count}"
