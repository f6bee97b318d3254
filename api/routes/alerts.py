"""Alerts: what was raised, and whether it was delivered."""

from typing import Annotated

from fastapi import APIRouter, Path

from api.dependencies import AppDatabase, AppLinks
from api.needs import READ
from api.paging import DEFAULT_LIMIT, PageCursor, PageLimit
from api.problems import NOT_FOUND, VALIDATION, documented
from api.schemas.alerts import AlertList, AlertView
from migperf.store import alerts

router = APIRouter(prefix="/v1/alerts", tags=["alerts"], dependencies=[READ])
AlertId = Annotated[str, Path(description="Id of an alert.", examples=["019ac0ab-60a1-7c52-9b0d-7e8f90a1b2c3"])]


@router.get("", summary="List alerts", responses=documented(VALIDATION))
def list_alerts(
    database: AppDatabase,
    links: AppLinks,
    limit: PageLimit = DEFAULT_LIMIT,
    cursor: PageCursor = None,
) -> AlertList:
    """Return one page of alerts, newest first, with what has become of them on each channel."""
    with database.read() as session:
        page = alerts.latest(session, limit, cursor)
        items = tuple(AlertView.of(row, links) for row in page.rows)
        return AlertList(items=items, next_cursor=page.next_cursor)


@router.get("/{alert_id}", summary="Show an alert", responses=documented(NOT_FOUND))
def get_alert(alert_id: AlertId, database: AppDatabase, links: AppLinks) -> AlertView:
    """Return an alert, and what has become of it on each channel."""
    with database.read() as session:
        return AlertView.of(alerts.get(session, alert_id), links)
