"""From a cell to the group of runs that it stands for on a device."""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from migperf.experiments.axes import Cell, merged
from migperf.experiments.document import Experiment, Settings
from migperf.experiments.errors import ExperimentError
from migperf.experiments.group import GroupSpec, Member, Role
from migperf.experiments.target import WHOLE, Cut, NotOnThisDeviceError, Target
from migperf.gpus.layout import Layout
from migperf.gpus.partition import PartitionKind
from migperf.gpus.selector import Selector
from migperf.gpus.shares import SharingImpossibleError, divide
from migperf.gpus.sharing import Sharing, SharingMode
from migperf.measure.benchmark import Benchmark, Scenario

_UNMEASURED = {"method": {"steady_within": None, "precision": None, "min_s": 0.0, "min_steps": 1}}
"""A neighbour has nothing to be steady or precise about: it goes on for as long as the clients need."""
_PLACED_BY_THE_EXPERIMENT = ("where", "layout", "restore_layout", "seed")


def compile_cell(experiment: Experiment, cell: Cell, target: Target) -> GroupSpec:
    """Return the group that a cell stands for.

    Raises NotOnThisDeviceError where the device lacks something, and ExperimentError, with the cell's coordinates,
    where no device could run it.
    """
    _check(cell)
    settings = cell.settings
    places = _on_cpu(settings, target) if target.gpu is None else _on_gpu(settings, target)
    sharing = settings.sharing
    if sharing is not None and sharing.mode is SharingMode.GREEN_CONTEXT:
        settings, places = _as_streams(settings), places[:1]
    where = experiment.where.model_copy(update={"partition": None, "profile": None, "kind": None})
    members = [
        _member(cell, role, asked, where.model_copy(update=place), layout, experiment.seed + index)
        for index, ((role, asked), (place, layout)) in enumerate(zip(_asked(settings), places, strict=True))
    ]
    try:
        return GroupSpec(members=tuple(members), sharing=sharing, shares=settings.shares)
    except ValidationError as error:
        raise _in_cell(cell, error) from error


Place = tuple[dict[str, Any], str | None]
"""What a run selects, and the layout that its GPU is cut into."""


def _asked(settings: Settings) -> Iterator[tuple[Role, dict[str, Any]]]:
    """Yield what each run is to do: the clients, then the neighbours."""
    for _ in range(settings.clients):
        yield Role.CLIENT, settings.benchmark
    for neighbour in settings.neighbours:
        for _ in range(neighbour.count):
            yield Role.NEIGHBOUR, merged(_UNMEASURED, neighbour.benchmark)


def _on_cpu(settings: Settings, target: Target) -> list[Place]:
    if settings.partition not in (None, WHOLE) or settings.layout is not None:
        raise NotOnThisDeviceError("a CPU cannot be cut; share it by pinned, time_slicing or unrestricted")
    count = _members(settings)
    mode = None if settings.sharing is None else settings.sharing.mode
    if mode is not None and not mode.on_cpu:
        raise NotOnThisDeviceError(f"a CPU cannot be shared by {mode}")
    if target.cpu is not None:
        _check_shares(settings.sharing, target, settings.shares or count, count)
    return [({"kind": PartitionKind.CPU}, None)] * count


def _check_shares(sharing: Sharing | None, target: Target, shares: int, runs: int) -> None:
    if sharing is None or target.cpu is None:
        return
    if sharing.mode is SharingMode.WHOLE and runs > 1:
        raise NotOnThisDeviceError(f"whole is for one run, not for {runs}")
    try:
        divide(target.cpu, sharing, shares)
    except SharingImpossibleError as error:
        raise NotOnThisDeviceError(str(error)) from error


def _on_gpu(settings: Settings, target: Target) -> list[Place]:
    mode = None if settings.sharing is None else settings.sharing.mode
    if mode is not None and not mode.on_gpu:
        raise NotOnThisDeviceError(f"a GPU cannot be shared by {mode}")
    if mode is SharingMode.WHOLE and _members(settings) > 1:
        raise NotOnThisDeviceError(f"whole is for one run, not for {_members(settings)}")
    cuts = _cuts(settings, target, mode)
    if any(cut is None for cut in cuts):
        return [({"kind": PartitionKind.GPU}, None)] * len(cuts)
    there = [cut for cut in cuts if cut is not None]
    layout = _layout(settings, target, there, one_for_all=mode not in (None, SharingMode.MIG))
    return [({"kind": PartitionKind.MIG, "profile": cut.profile}, str(layout)) for cut in there]


def _cuts(settings: Settings, target: Target, mode: SharingMode | None) -> list[Cut | None]:
    """Return what each run gets of the GPU; None for all of one that is not cut."""
    count = _members(settings)
    if mode is not SharingMode.MIG:
        return [target.cut(settings.partition or WHOLE)] * count
    own = target.equal_parts(settings.shares or count) if settings.partition is None else target.cut(settings.partition)
    neighbours = [
        own if n.partition is None else target.cut(n.partition) for n in settings.neighbours for _ in range(n.count)
    ]
    return [own] * settings.clients + neighbours


def _layout(settings: Settings, target: Target, cuts: Sequence[Cut], *, one_for_all: bool) -> Layout:
    if settings.layout is not None:
        layout = Layout.parse(settings.layout)
        if missing := [cut.profile for cut in cuts if cut.profile not in layout.partition_profiles]:
            raise NotOnThisDeviceError(f"the layout {layout} has no {missing[0]}")
    else:
        used = cuts[:1] if one_for_all else cuts
        # Instances that nobody uses are there as well where shares are asked for, so that a cell has its equal part.
        spare = [cuts[0]] * max(0, (settings.shares or 0) - len(used)) if settings.sharing and not one_for_all else []
        layout = Layout.of(cut.instance for cut in (*used, *spare))
    if not target.fits(layout):
        raise NotOnThisDeviceError(f"{target.model} cannot be cut as {layout}")
    return layout


def _as_streams(settings: Settings) -> Settings:
    """Return the clients as the streams of one run: green contexts divide the GPU within a process.

    Raises NotOnThisDeviceError.
    """
    scenario, streams = settings.benchmark.get("scenario"), settings.clients
    if settings.neighbours:
        raise NotOnThisDeviceError("green contexts divide a process of its own; neighbours are other processes")
    if scenario == Scenario.SINGLE_STREAM:
        patch: dict[str, Any] = {"scenario": str(Scenario.MULTI_STREAM), "load": {"streams": streams}}
    elif scenario == Scenario.SERVER:
        load = settings.benchmark.get("load")
        rate = load.get("rate_per_s") if isinstance(load, dict) else None
        all_of_it = {"rate_per_s": rate * streams} if isinstance(rate, (int, float)) else {}
        patch = {"load": {"streams": streams, **all_of_it}}
    else:
        raise NotOnThisDeviceError(
            f"streams of green contexts wait for each answer, which {scenario} does not; use single_stream or server"
        )
    update = {"benchmark": merged(settings.benchmark, patch), "clients": 1, "shares": None}
    return settings.model_copy(update=update)


def _member(cell: Cell, role: Role, asked: dict[str, Any], where: Selector, layout: str | None, seed: int) -> Member:
    document = {**asked, "where": where.model_dump(mode="json"), "layout": layout, "seed": seed}
    try:
        return Member(role=role, benchmark=Benchmark.model_validate(document))
    except ValidationError as error:
        raise _in_cell(cell, error) from error


def _check(cell: Cell) -> None:
    """Raise ExperimentError for what no device could make right."""
    settings = cell.settings
    benchmarks = [settings.benchmark, *(neighbour.benchmark for neighbour in settings.neighbours)]
    problems = [
        (f"cell {cell}: benchmark.{name}", "the experiment says where, and with which seed; leave it out")
        for benchmark in benchmarks
        for name in _PLACED_BY_THE_EXPERIMENT
        if name in benchmark
    ]
    if _members(settings) > 1 and settings.sharing is None:
        problems.append((f"cell {cell}: sharing", "runs that are measured together need it, such as time_slicing"))
    if settings.shares is not None and (settings.sharing is None or settings.shares < _members(settings)):
        problems.append((f"cell {cell}: shares", f"{_members(settings)} runs need sharing, and as many shares"))
    if problems:
        raise ExperimentError(problems)


def _members(settings: Settings) -> int:
    return settings.clients + sum(neighbour.count for neighbour in settings.neighbours)


def _in_cell(cell: Cell, error: ValidationError) -> ExperimentError:
    return ExperimentError.of(error, f"cell {cell}: benchmark")
