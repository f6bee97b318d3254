"""Regressions: finding and showing them, and what people make of them."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from sqlalchemy.orm import Session

from api.dependencies import AppDatabase, AppLinks
from api.json_body import JsonRoute
from api.links import Links
from api.needs import READ, SUBMIT
from api.problems import BODY_TOO_LARGE, CONFLICT, MALFORMED_JSON, NOT_FOUND, NOT_JSON, VALIDATION, documented
from api.schemas.history_queries import RegressionQuery
from api.schemas.regressions import RegressionDetail, RegressionList, RegressionPatch, RegressionView
from migperf.store import histories, regressions
from migperf.store.database import now
from migperf.store.history_tables import RegressionRow

router = APIRouter(prefix="/v1/regressions", tags=["histories"], route_class=JsonRoute, dependencies=[READ])
_INSTANCE = "/v1/regressions"
RegressionId = Annotated[
    str, Path(max_length=64, description="Id of a regression.", examples=["019ad1c4-9b07-7c44-8a15-2d3e4f506172"])
]
_BODY = (VALIDATION, MALFORMED_JSON, NOT_JSON, BODY_TOO_LARGE)


@router.get("", summary="List regressions", responses=documented(VALIDATION, instance=_INSTANCE))
def list_regressions(
    query: Annotated[RegressionQuery, Query()], database: AppDatabase, links: AppLinks
) -> RegressionList:
    """Return one page of regressions, newest first."""
    with database.read() as session:
        page = regressions.latest(session, query.limit, query.cursor, query.state, query.history)
        items = [RegressionView.of(row, links) for row in page.rows]
        return RegressionList(items=items, next_cursor=page.next_cursor)


@router.get(
    "/{regression_id}", summary="Show a regression", responses=documented(NOT_FOUND, VALIDATION, instance=_INSTANCE)
)
def get_regression(regression_id: RegressionId, database: AppDatabase, links: AppLinks) -> RegressionDetail:
    """Return a regression with environment differences, confirmations and its record."""
    with database.read() as session:
        return _shown(session, regressions.get(session, regression_id), links)


@router.patch(
    "/{regression_id}",
    summary="Triage a regression",
    dependencies=[SUBMIT],
    responses=documented(*_BODY, NOT_FOUND, CONFLICT, instance=_INSTANCE),
)
def patch_regression(
    regression_id: RegressionId, body: RegressionPatch, database: AppDatabase, links: AppLinks
) -> RegressionDetail:
    """Change its state, comment on it, or both. One that is over, as its history says, cannot be opened again."""
    with database.write() as session:
        row = regressions.triage(session, regression_id, body.state, body.comment, body.author, now(session))
        return _shown(session, row, links)


def _shown(session: Session, row: RegressionRow, links: Links) -> RegressionDetail:
    points = histories.points_with(session, sorted(regressions.referred_to(row)))
    return RegressionDetail.with_all(row, points, links)
