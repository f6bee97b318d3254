"""Alerts: what was raised, and whether it was delivered."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.dependencies import AppDatabase, AppLinks
from api.problems import NOT_FOUND, VALIDATION, documented
from api.schemas.alerts import AlertList, AlertView
from migperf.store import alerts

router = APIRouter(prefix="/v1/alerts", tags=["alerts"])
AlertId = Annotated[str, Path(description="Id of an alert.", examples=["019ac0ab-60a1-7c52-9b0d-7e8f90a1b2c3"])]


@router.get("", summary="List alerts", responses=documented(VALIDATION))
def list_alerts(
    database: AppDatabase,
    links: AppLinks,
    limit: Annotated[int, Query(ge=1, le=200, description="At most so many.")] = 50,
    cursor: Annotated[str | None, Query(max_length=36, description="`next_cursor` of the page before.")] = None,
) -> AlertList:
    """Return one page of alerts, newest first, with what has become of them on each channel."""
    with database.read() as session:
        rows = alerts.latest(session, limit + 1, cursor)
        return AlertList(
            items=tuple(AlertView.of(row, links) for row in rows[:limit]),
            next_cursor=rows[limit - 1].id if len(rows) > limit else None,
        )


@router.get("/{alert_id}", summary="Show an alert", responses=documented(NOT_FOUND))
def get_alert(alert_id: AlertId, database: AppDatabase, links: AppLinks) -> AlertView:
    """Return an alert, and what has become of it on each channel."""
    with database.read() as session:
        return AlertView.of(alerts.get(session, alert_id), links)
