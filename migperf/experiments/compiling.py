"""From a cell to the group of runs that it stands for on a device."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from pydantic import ValidationError

from migperf.experiments.axes import Cell, merged
from migperf.experiments.document import Experiment, Settings
from migperf.experiments.errors import ExperimentError
from migperf.experiments.group import GroupSpec, Member, Role
from migperf.experiments.places import Places, places_for
from migperf.experiments.target import NotOnThisDeviceError, Target
from migperf.gpus.partition import PartitionKind
from migperf.gpus.selector import Selector
from migperf.gpus.sharing import SharingMode
from migperf.measure.benchmark import Benchmark, Scenario

_UNMEASURED = {"method": {"steady_within": None, "precision": None, "min_s": 0.0, "min_steps": 1}}
"""A neighbour has nothing to be steady or precise about: it goes on for as long as the clients need."""
_AS_IT_IS = frozenset({None, SharingMode.WHOLE, SharingMode.MIG})
"""Modes whose runs have partitions as they are, not shares made for the time of a group."""


def compile_cell(experiment: Experiment, cell: Cell, target: Target) -> GroupSpec:
    """Return the group that a cell stands for, one of those that ``check`` has passed.

    Seeds are the experiment's plus the run's number within its group: clients differ in theirs, and so in when their
    requests arrive, while the same client of another cell, or in another mode, has the same. Raises
    NotOnThisDeviceError where the device lacks something, and ExperimentError, with the cell's coordinates, where no
    device could run it.
    """
    require_device(experiment.where, target)
    settings = cell.settings
    places = places_for(settings, target)
    if settings.mode is SharingMode.GREEN_CONTEXT:
        settings = _as_streams(settings)
    selector = _selector(experiment.where, target, places)
    members = [
        _member(role, {**asked, "layout": places.layout, "seed": experiment.seed + number}, selector, selects)
        for number, ((role, asked), selects) in enumerate(zip(_asked(settings), places.selects, strict=False))
    ]
    shares = None if settings.mode in _AS_IT_IS else settings.shares
    try:
        return GroupSpec(members=tuple(members), sharing=settings.sharing, shares=shares)
    except ValidationError as error:
        raise ExperimentError.of(error, f"cell {cell}") from error


def require_device(where: Selector, target: Target) -> None:
    """Raise NotOnThisDeviceError where the device is none that the experiment is meant for.

    Node and UUID are left to whoever knows the nodes; a simulated board stands for a real one, so that it can be
    planned for.
    """
    meant_for_cpu = where.kind is PartitionKind.CPU
    if where.kind is not None and meant_for_cpu != (target.cpu is not None):
        raise NotOnThisDeviceError(f"where asks for kind={where.kind}, and {target.model} is none")
    if where.kind is PartitionKind.MIG and target.geometry is None:
        raise NotOnThisDeviceError(f"where asks for kind=mig, and {target.model} cannot be cut")
    if where.gpu_model is not None and not fnmatchcase(target.model.lower(), where.gpu_model.lower()):
        raise NotOnThisDeviceError(f"where asks for gpu_model={where.gpu_model}, and this is {target.model}")


def _selector(where: Selector, target: Target, places: Places) -> Selector:
    """Return what all runs select: the device's model, as the group was worked out for that and no other."""
    if where.partition is not None and places.layout is not None:
        raise NotOnThisDeviceError(
            f"where names one partition, and the layout {places.layout} makes new ones; select the GPU by node and "
            "gpu_model"
        )
    exact = target.model if not set("*?[]") & set(target.model) else where.gpu_model
    return where.model_copy(update={"gpu_model": exact, "kind": None})


def _asked(settings: Settings) -> Iterator[tuple[Role, dict[str, Any]]]:
    """Yield what each run is to do: the clients, then the neighbours."""
    for _ in range(settings.clients):
        yield Role.CLIENT, settings.benchmark
    for neighbour in settings.neighbours:
        for _ in range(neighbour.count):
            yield Role.NEIGHBOUR, merged(_UNMEASURED, neighbour.benchmark)


def _member(role: Role, asked: dict[str, Any], selector: Selector, selects: dict[str, Any]) -> Member:
    """Return a run at its place. Raises NotOnThisDeviceError for what only its place makes wrong."""
    where = selector.model_copy(update=selects).model_dump(mode="json")
    try:
        return Member(role=role, benchmark=Benchmark.model_validate({**asked, "where": where}))
    except ValidationError as error:
        raise NotOnThisDeviceError(str(ExperimentError.of(error, "benchmark"))) from error


def _as_streams(settings: Settings) -> Settings:
    """Return the clients as the streams of one run: green contexts divide the GPU within a process.

    Raises NotOnThisDeviceError.
    """
    if settings.neighbours:
        raise NotOnThisDeviceError("green contexts divide a process of its own; neighbours are other processes")
    update = {"benchmark": merged(settings.benchmark, _streams(settings)), "clients": 1, "shares": None}
    return settings.model_copy(update=update)


def _streams(settings: Settings) -> dict[str, Any]:
    """Return what makes one run do the clients' work: a stream for each, and the requests of all."""
    scenario, streams = settings.benchmark.get("scenario"), settings.clients
    if scenario == Scenario.SINGLE_STREAM:
        return {"scenario": str(Scenario.MULTI_STREAM), "load": {"streams": streams}}
    if scenario != Scenario.SERVER:
        raise NotOnThisDeviceError(
            f"streams of green contexts wait for each answer, which {scenario} does not; use single_stream or server"
        )
    load = settings.benchmark.get("load")
    rate = load.get("rate_per_s") if isinstance(load, dict) else None
    if isinstance(rate, int | float):
        return {"load": {"streams": streams, "rate_per_s": rate * streams}}
    if streams == 1:
        return {"load": {"streams": 1}}
    raise NotOnThisDeviceError(
        f"{streams} clients in one process need {streams} times the rate of one, which needs load.rate_per_s"
    )
