"""GPUs, the layouts that each can have, and changes of how they are cut."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse

from api import gpu_fleet, layout_changes
from api.dependencies import AppDatabase, AppLinks, AppPlacement, AppSettings
from api.json_body import JsonRoute
from api.needs import OPERATE, READ
from api.problems import (
    BODY_TOO_LARGE,
    CONFLICT,
    MALFORMED_JSON,
    NOT_CUTTABLE,
    NOT_FOUND,
    NOT_JSON,
    RUNS_IN_THE_WAY,
    VALIDATION,
    documented,
)
from api.schemas.gpus import GpuDetail, GpuList
from api.schemas.layouts import LayoutChangeView, LayoutPlan, LayoutRequest, LayoutState, LegalLayoutList
from api.schemas.queries import LayoutChangeQuery, LegalLayoutQuery
from api.schemas.view import View
from migperf.store import changes, gpus
from migperf.store.database import now

router = APIRouter(prefix="/v1", tags=["gpus"], route_class=JsonRoute, dependencies=[READ])

GpuUuid = Annotated[str, Path(description="UUID of a GPU.", examples=["GPU-8c9a5a0e-1f4e-3b51-8d55-0c6f5e0e7a42"])]
ChangeId = Annotated[str, Path(description="Id of a layout change.", examples=["019ab3f5-2d40-7a52-8c1f-3e9b7d0a4c15"])]
_CHANGED: dict[int | str, dict[str, Any]] = {
    200: {
        "model": LayoutPlan | LayoutState,
        "description": "The plan, with `dry_run`; or how the GPU is cut, when it is cut so already.",
    },
    202: {"headers": {"Location": {"description": "Path of the layout change.", "schema": {"type": "string"}}}},
}
_REFUSED = documented(
    VALIDATION, NOT_FOUND, CONFLICT, NOT_CUTTABLE, RUNS_IN_THE_WAY, MALFORMED_JSON, NOT_JSON, BODY_TOO_LARGE
)


@router.get("/gpus", summary="List GPUs", responses=documented())
def list_gpus(database: AppDatabase, settings: AppSettings, links: AppLinks) -> GpuList:
    """Return every GPU that is there now, node by node."""
    with database.read() as session:
        return gpu_fleet.gpu_list(session, settings.node_stale_s, links)


@router.get("/gpus/{uuid}", summary="Show a GPU", responses=documented(NOT_FOUND))
def get_gpu(uuid: GpuUuid, database: AppDatabase, settings: AppSettings, links: AppLinks) -> GpuDetail:
    """Return one GPU and the profiles that it offers, even if its node no longer has it."""
    with database.read() as session:
        return gpu_fleet.gpu(session, uuid, settings.node_stale_s, links)


@router.get(
    "/gpus/{uuid}/layouts",
    summary="List the layouts that a GPU can have",
    responses=documented(NOT_FOUND, VALIDATION, CONFLICT, NOT_CUTTABLE),
)
def list_layouts(uuid: GpuUuid, query: Annotated[LegalLayoutQuery, Query()], database: AppDatabase) -> LegalLayoutList:
    """Return legal layouts, each once however it can be placed."""
    with database.read() as session:
        return gpu_fleet.legal_layout_list(session, uuid, query)


@router.get("/gpus/{uuid}/layout", summary="Show how a GPU is cut", responses=documented(NOT_FOUND))
def get_layout(uuid: GpuUuid, database: AppDatabase, links: AppLinks) -> LayoutState:
    """Return the layout now, what is to become of it, and its latest changes."""
    with database.read() as session:
        return gpu_fleet.layout_state(session, uuid, links)


@router.put(
    "/gpus/{uuid}/layout",
    status_code=202,
    summary="Cut a GPU",
    response_model=LayoutChangeView,
    responses=_CHANGED | _REFUSED,
    dependencies=[OPERATE],
)
def set_layout(
    uuid: GpuUuid,
    query: Annotated[LayoutChangeQuery, Query()],
    body: LayoutRequest,
    database: AppDatabase,
    links: AppLinks,
    placement: AppPlacement,
) -> JSONResponse:
    """Have a GPU cut as wanted. What can stay, stays; nothing is stored when the request is refused."""
    if query.dry_run:
        with database.read() as session:
            return _answer(layout_changes.plan_layout(session, uuid, body))
    with database.write() as session:
        change = layout_changes.change_layout(session, uuid, body)
        if change is None:
            return _answer(gpu_fleet.layout_state(session, uuid, links))
        view = LayoutChangeView.of(change, links)
    placement.afterwards()
    return _answer(view, 202, Location=view.url)


@router.delete(
    "/gpus/{uuid}/layout/kept",
    status_code=204,
    summary="Keep no layout of a GPU",
    responses=documented(NOT_FOUND),
    dependencies=[OPERATE],
)
def forget_kept_layout(uuid: GpuUuid, database: AppDatabase) -> None:
    """Have no layout applied after a boot any more. How the GPU is cut now stays as it is."""
    with database.write() as session:
        gpus.keep_layout(session, uuid, None)


@router.get("/layout-changes/{change_id}", summary="Show a layout change", responses=documented(NOT_FOUND))
def get_layout_change(change_id: ChangeId, database: AppDatabase, links: AppLinks) -> LayoutChangeView:
    """Return the change as it is now."""
    with database.read() as session:
        return LayoutChangeView.of(changes.get(session, change_id), links)


@router.post(
    "/layout-changes/{change_id}/cancel",
    summary="Cancel a layout change",
    responses=documented(NOT_FOUND, CONFLICT),
    dependencies=[OPERATE],
)
def cancel_layout_change(
    change_id: ChangeId, database: AppDatabase, links: AppLinks, placement: AppPlacement
) -> LayoutChangeView:
    """Cancel a change that has not begun. Asking twice changes nothing."""
    with database.write() as session:
        view = LayoutChangeView.of(changes.cancel(session, change_id, now(session)), links)
    placement.afterwards()
    return view


def _answer(view: View, status: int = 200, **headers: str) -> JSONResponse:
    return JSONResponse(view.model_dump(mode="json"), status, headers)
