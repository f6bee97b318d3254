"""The web page of alerts: the channels that they go to, and the latest with what has become of them."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from api.dependencies import AppDatabase, AppLinks, AppPages
from api.needs import READ
from api.paging import DEFAULT_LIMIT, PageCursor
from api.schemas.alerts import AlertView, ChannelView
from migperf.alerts.channel import MAX_DIGEST_S
from migperf.store import alerts, channels

router = APIRouter(prefix="/alerts", include_in_schema=False, default_response_class=HTMLResponse, dependencies=[READ])

ON_A_PAGE = DEFAULT_LIMIT


@router.get("")
def show_alerts(database: AppDatabase, links: AppLinks, pages: AppPages, cursor: PageCursor = None) -> HTMLResponse:
    """Show all channels, a form to add one, and alerts, newest first."""
    with database.read() as session:
        page = alerts.latest(session, ON_A_PAGE, cursor)
        listed = [AlertView.of(row, links) for row in page.rows]
        kept = [ChannelView.of(row, links) for row in channels.all_of(session)]
    return pages.render(
        "alerts.html",
        links,
        channels=kept,
        alerts=listed,
        cursor=cursor,
        next_cursor=page.next_cursor,
        max_digest_s=MAX_DIGEST_S,
    )
