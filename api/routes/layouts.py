"""Layouts by themselves: whether a board can be cut so."""

from fastapi import APIRouter

from api.dependencies import AppDatabase
from api.json_body import JsonRoute
from api.layout_check import check_layout
from api.needs import READ
from api.problems import BODY_TOO_LARGE, CONFLICT, MALFORMED_JSON, NOT_FOUND, NOT_JSON, VALIDATION, documented
from api.schemas.layout_check import LayoutCheck, LayoutCheckRequest

router = APIRouter(prefix="/v1/layouts", tags=["gpus"], route_class=JsonRoute, dependencies=[READ])


@router.post(
    "/check",
    summary="Check a layout",
    responses=documented(VALIDATION, NOT_FOUND, CONFLICT, MALFORMED_JSON, NOT_JSON, BODY_TOO_LARGE),
)
def check_a_layout(body: LayoutCheckRequest, database: AppDatabase) -> LayoutCheck:
    """Return whether a board can be cut into a layout, which rule stands in the way, and what could be added to it.

    What is on a GPU now and its mode do not count: a dry run of `PUT /v1/gpus/{uuid}/layout` says what the way there
    would end. Nothing is stored, and nothing is cut.
    """
    with database.read() as session:
        return check_layout(session, body)
