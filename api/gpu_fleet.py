"""GPUs as they stand now, and the layouts that each can have, put together from what the store knows."""

from sqlalchemy.orm import Session

from api.errors import NotCuttableError
from api.field_errors import invalid
from api.links import Links
from api.schemas.gpus import GpuDetail, GpuList, GpuView
from api.schemas.layouts import LayoutState, LegalLayoutList
from api.schemas.queries import CURRENT, LegalLayoutQuery
from api.standing import Standing
from migperf.errors import ConflictError
from migperf.gpus.geometry import Geometry, Placed, PlacedSet
from migperf.gpus.gpu import Gpu
from migperf.gpus.layout import Layout
from migperf.gpus.legal_layouts import EMPTY, has_profiles, legal_layouts
from migperf.store import changes, gpus

LATEST_CHANGES = 10


def gpu_list(session: Session, stale_s: float, links: Links) -> GpuList:
    """Return every GPU that is there now."""
    standing, pending = Standing.read(session, stale_s), _pending(session)
    rows = gpus.list_gpus(session)
    return GpuList(items=[GpuView.of(row, standing, pending.get(row.uuid), links) for row in rows])


def gpu(session: Session, uuid: str, stale_s: float, links: Links) -> GpuDetail:
    """Return one GPU, retired or not. Raises NotFoundError."""
    row = gpus.get(session, uuid)
    return GpuDetail.of(row, Standing.read(session, stale_s), _pending(session).get(uuid), links)


def layout_state(session: Session, uuid: str, links: Links) -> LayoutState:
    """Return how a GPU is cut and the latest changes of that. Raises NotFoundError."""
    return LayoutState.of(gpus.get(session, uuid), changes.latest(session, uuid, LATEST_CHANGES), links)


def legal_layout_list(session: Session, uuid: str, query: LegalLayoutQuery) -> LegalLayoutList:
    """Return the layouts that a GPU can have, as far as they are asked for.

    Raises NotFoundError, NotCuttableError, and RequestValidationError naming the parameter that makes no sense here.
    """
    found = gpus.describe(gpus.get(session, uuid))
    geometry = _geometry(found)
    if unknown := [profile for profile in query.contains if profile not in geometry.by_name]:
        raise invalid(("query", "contains"), _unknown_profile(unknown[0], geometry), unknown[0])
    beside = _beside(found, query.beside)
    every = legal_layouts(geometry, _placed(geometry, beside, query.beside))
    wanted = (legal for legal in every if (legal.full or not query.full) and has_profiles(legal, query.contains))
    return LegalLayoutList.of(uuid, geometry, wanted, beside)


def _pending(session: Session) -> dict[str, str]:
    """Return the change of each GPU that is under way or waits; of two, the one that was asked for first."""
    return {change.gpu: change.id for change in reversed(changes.pending(session))}


def _geometry(found: Gpu) -> Geometry:
    if found.problem is not None:
        raise ConflictError(f"{found.uuid} cannot be used: {found.problem}")
    if found.geometry is None:
        raise NotCuttableError(found.uuid, found.model)
    return found.geometry


def _beside(found: Gpu, text: str | None) -> Layout:
    """Return what is to stay: nothing, what is there now, or what the text says."""
    if text is None:
        return EMPTY
    if text != CURRENT:
        return Layout.parse(text)
    if any(instance.placement is None for instance in found.instances):
        raise ConflictError(f"the worker of {found.uuid} may not see how it is cut; it needs the capability mig/config")
    return found.layout


def _placed(geometry: Geometry, beside: Layout, text: str | None) -> PlacedSet:
    """Return what is to stay at its places. Raises RequestValidationError when it could not be there."""
    placed = []
    for spec in beside.instances:
        profile = geometry.by_name.get(spec.profile)
        if profile is None:
            raise invalid(("query", "beside"), _unknown_profile(spec.profile, geometry), text)
        at = next((place for place in profile.placements if place.start == spec.start), None)
        if at is None:
            starts = ", ".join(f"{spec.profile}@{place.start}" for place in profile.placements)
            raise invalid(("query", "beside"), f"{spec} lies at no place that it can have; say {starts}", text)
        placed.append(Placed(at, spec.profile))
    if (objection := geometry.check(placed)) is not None:
        raise invalid(("query", "beside"), str(objection), text)
    return tuple(sorted(placed))


def _unknown_profile(name: str, geometry: Geometry) -> str:
    return f"this GPU has no profile {name}; it has {', '.join(geometry.by_name)}"
