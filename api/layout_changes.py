"""Asking for another layout: what it would destroy, who is in the way, and the change that comes of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.orm import Session

from api.errors import NotCuttableError, RunsInTheWayError
from api.field_errors import invalid
from api.schemas.layouts import DestroyedPartition, LayoutPlan, LayoutRequest
from migperf.errors import ConflictError
from migperf.gpus.gpu import Gpu
from migperf.gpus.layout import Layout
from migperf.gpus.plan import LayoutImpossibleError, Plan
from migperf.gpus.planning import make_plan
from migperf.store import changes, gpus, leases, nodes
from migperf.store.database import PLACEMENT, lock_for_pass, now
from migperf.store.models import GpuRow, LayoutChange
from migperf.store.nodes import Occupied


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a layout would mean for a GPU as it stands."""

    plan: Plan
    profiles: dict[str, str]
    """Profiles of the partitions by their UUIDs."""
    in_the_way: tuple[Occupied, ...]
    """What runs hold of what would be destroyed, or the whole GPU."""

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs in the way."""
        return tuple(dict.fromkeys(held.run for held in self.in_the_way if held.run))

    def holds(self) -> Iterator[str]:
        """Say of each run in the way what it holds."""
        for held in self.in_the_way:
            name = held.partition or f"all of {held.gpu}"
            profile = self.profiles.get(name)
            yield f"run {held.run} holds {name}" + (f" ({profile})" if profile else "")

    def destroys(self) -> Iterator[DestroyedPartition]:
        """Yield what the plan destroys, each with the run that holds it."""
        runs = {held.partition: held.run for held in self.in_the_way}
        for uuid in self.plan.doomed:
            yield DestroyedPartition(partition=uuid, profile=self.profiles.get(uuid), run=runs.get(uuid))


def plan_layout(session: Session, uuid: str, request: LayoutRequest) -> LayoutPlan:
    """Return what the request would do. Raises what ``change_layout`` raises, but for runs in the way."""
    prospect = _prospect(session, gpus.get(session, uuid), request)
    return LayoutPlan.of(prospect.plan, prospect.destroys(), prospect.runs)


def change_layout(session: Session, uuid: str, request: LayoutRequest) -> LayoutChange | None:
    """Queue the change that leads to the layout; None where the GPU has it and nothing is going to change that.

    A change to the same layout that has not ended is returned again. Raises NotFoundError, RequestValidationError for
    a layout that the GPU cannot have, ConflictError for a GPU that cannot be cut now, and RunsInTheWayError.
    """
    lock_for_pass(session, PLACEMENT)  # no run is placed between looking for runs in the way and queueing the change
    row = gpus.lock(session, uuid)
    prospect = _prospect(session, row, request)
    last = next((change for change in reversed(changes.pending(session)) if change.gpu == uuid), None)
    change = last if last is not None and _is_same(last, request) else None
    if change is None and (last is not None or prospect.plan.steps or row.restore_layout is not None):
        change = _queue(session, uuid, request, prospect)
    if request.keep:
        gpus.keep_layout(session, uuid, request.wanted)
    return change


def _prospect(session: Session, row: GpuRow, request: LayoutRequest) -> Prospect:
    gpu = gpus.describe(row)
    _require_usable(row, gpu, request.wanted)
    held = [lease for lease in nodes.occupied(session) if lease.run is not None]
    plan = _plan(gpu, request, frozenset(lease.partition for lease in held if lease.partition is not None))
    concerned = (lease for lease in held if _concerns(lease, plan))
    profiles = {c.uuid: c.profile for instance in gpu.instances for c in instance.compute_instances}
    return Prospect(plan, profiles, tuple(concerned))


def _require_usable(row: GpuRow, gpu: Gpu, wanted: Layout) -> None:
    if row.retired_at is not None:
        raise ConflictError(f"node {row.node} does not have {gpu.uuid} any more")
    if gpu.problem is not None:
        raise ConflictError(f"{gpu.uuid} cannot be used: {gpu.problem}")
    if gpu.mig is None and wanted.mig:
        raise NotCuttableError(gpu.uuid, gpu.model)


def _plan(gpu: Gpu, request: LayoutRequest, busy: frozenset[str]) -> Plan:
    try:
        return make_plan(gpu, request.wanted, busy)
    except LayoutImpossibleError as error:
        if _needs_reset(gpu, request.wanted):
            raise
        raise invalid(("body", "layout"), str(error), request.layout) from error


def _needs_reset(gpu: Gpu, wanted: Layout) -> bool:
    """Tell whether it is the present mode that stands in the way, and not the layout."""
    return gpu.mig is not None and gpu.mig.enabled != wanted.mig and not gpu.mig.resetless


def _concerns(lease: Occupied, plan: Plan) -> bool:
    return lease.partition in plan.doomed or (lease.closes_gpu and lease.gpu == plan.gpu_uuid)


def _is_same(change: LayoutChange, request: LayoutRequest) -> bool:
    return change.layout == str(request.wanted) and (change.force or not request.force)


def _queue(session: Session, uuid: str, request: LayoutRequest, prospect: Prospect) -> LayoutChange:
    if prospect.in_the_way and not (request.force or request.wait):
        raise RunsInTheWayError(prospect.holds())
    time = now(session)
    change = changes.request(session, uuid, request.wanted, time, force=request.force)
    if request.force:
        leases.ask_back(session, prospect.runs, time)
    return change
