"""GPUs and jobs as the answer tells them."""

from collections import Counter

from migperf.analysis.advisor.advice import (
    AdvisedGpu,
    AdvisedInstance,
    AdvisedJob,
    EvidenceView,
    ExcludedProfile,
    InterferenceView,
)
from migperf.analysis.advisor.assigning import Assigned, AssignedGpu, Instance
from migperf.analysis.advisor.evidence import Capacity, Excluded
from migperf.analysis.advisor.interference import Slowdown
from migperf.analysis.advisor.table import Cell, Table


def advised_gpus(table: Table, assigned: Assigned) -> list[AdvisedGpu]:
    """Return the GPUs that are used, numbered from 1."""
    return [_gpu(table, number, gpu) for number, gpu in enumerate(assigned.gpus, start=1)]


def advised_jobs(table: Table, assigned: Assigned) -> list[AdvisedJob]:
    """Return what each job gets, and what that rests on."""
    return [_job(table, assigned, number) for number in range(len(table.demand.jobs))]


def interference_views(table: Table) -> list[InterferenceView]:
    """Return what is known of neighbours: given by hand, measured, and measured but not used as it is given by hand."""
    known = table.neighbours
    return [
        *(_interference(one) for one in known.used),
        *(_interference(one, used=False) for one in known.overruled),
    ]


def _interference(known: Slowdown, *, used: bool = True) -> InterferenceView:
    on = known.on
    return InterferenceView(
        job=known.of,
        beside=known.beside,
        model=None if on is None else on.board,
        profile=None if on is None else on.profile,
        beside_profile=None if on is None else on.beside,
        slowdown=known.factor,
        says=known.says,
        runs=list(known.runs),
        used=used,
    )


def _gpu(table: Table, number: int, gpu: AssignedGpu) -> AdvisedGpu:
    board = table.boards[gpu.board]
    profiles = Counter(each.cell.profile for each in gpu.instances)
    layout, example = board.example(profiles)
    return AdvisedGpu(
        number=number,
        model=board.model,
        layout=layout,
        example=example,
        instances=[_instance(table, each) for each in gpu.instances],
        slices_used=sum(board.slices_of(profile) * count for profile, count in profiles.items()),
        slices=board.slices,
        memory_units_used=sum(board.units_of(profile) * count for profile, count in profiles.items()),
        memory_units=board.units,
    )


def _instance(table: Table, instance: Instance) -> AdvisedInstance:
    return AdvisedInstance(
        profile=instance.cell.profile,
        job=table.demand.jobs[instance.cell.job].name,
        share_per_s=instance.share_per_s,
        capacity_per_s=instance.capacity_per_s,
        slowdown=instance.slowdown,
    )


def _job(table: Table, assigned: Assigned, number: int) -> AdvisedJob:
    job, cells, capacity = table.demand.jobs[number], table.of_job(number), assigned.capacity_per_s[number]
    required = job.required_per_s
    headroom = None if required is None or not assigned.gpus else capacity - required
    return AdvisedJob(
        name=job.name,
        required_per_s=required,
        capacity_per_s=capacity,
        headroom_per_s=headroom,
        headroom=None if headroom is None or required is None else headroom / required,
        instances=len(assigned.instances(number)),
        evidence=[_evidence(table, cell, cell.known) for cell in cells if isinstance(cell.known, Capacity)],
        excluded=[_excluded(table, cell) for cell in cells if isinstance(cell.known, Excluded)],
        cannot_be_served=_cannot_be_served(table, number),
    )


def _evidence(table: Table, cell: Cell, known: Capacity) -> EvidenceView:
    return EvidenceView(
        model=table.boards[cell.board].model,
        profile=cell.profile,
        says=known.evidence.says,
        capacity_per_s=known.per_s,
        queueing=known.evidence.rank.queueing,
        runs=list(known.evidence.runs),
    )


def _excluded(table: Table, cell: Cell) -> ExcludedProfile:
    return ExcludedProfile(model=table.boards[cell.board].model, profile=cell.profile, why=str(cell.known))


def _cannot_be_served(table: Table, number: int) -> str | None:
    job, cells = table.demand.jobs[number], table.of_job(number)
    if job.required_per_s is None or any(isinstance(cell.known, Capacity) for cell in cells):
        return None
    if any(not isinstance(cell.known, Excluded) for cell in cells):
        return "nothing that was measured can serve it; measure the other profiles (see what was never measured)"
    return "no profile can serve it; relax its latency limit, make it smaller, or use other GPUs"
