"""Channels: where alerts go."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Response
from uuid_utils.compat import uuid7

from api.dependencies import AppDatabase, AppLinks, AppSettings
from api.field_errors import invalid
from api.needs import ADMIN, READ
from api.problems import BODY_TOO_LARGE, CONFLICT, MALFORMED_JSON, NOT_FOUND, NOT_JSON, VALIDATION, documented
from api.schemas.alerts import AlertView, ChannelList, ChannelSet, ChannelView
from api.secret_body import SecretRoute
from migperf.alerts.alert import TEST_KIND, NewAlert
from migperf.alerts.channel import Channel, EmailChannel, host_of
from migperf.alerts.errors import ForbiddenTargetError
from migperf.alerts.guard import Allowed, Guard
from migperf.settings import Settings
from migperf.store import alerts, channels
from migperf.store.database import now

router = APIRouter(prefix="/v1/channels", tags=["alerts"], route_class=SecretRoute, dependencies=[READ])
ChannelId = Annotated[str, Path(description="Id of a channel.", examples=["019ac0aa-1b2c-7d3e-8f40-516273849506"])]
ChannelBody = Annotated[Channel, Body(description="The channel, by its kind.")]
_REFUSED = documented(VALIDATION, CONFLICT, MALFORMED_JSON, NOT_JSON, BODY_TOO_LARGE, instance="/v1/channels")
_REFUSED_CHANGE = documented(
    VALIDATION, CONFLICT, NOT_FOUND, MALFORMED_JSON, NOT_JSON, BODY_TOO_LARGE, instance="/v1/channels"
)


@router.post("", status_code=201, summary="Add a channel", responses=_REFUSED, dependencies=[ADMIN])
def add_channel(
    body: ChannelBody, response: Response, database: AppDatabase, settings: AppSettings, links: AppLinks
) -> ChannelSet:
    """Store a channel, to which all alerts go from now on. The answer alone shows a webhook's secret."""
    _check_target(body, settings)
    with database.write() as session:
        view = ChannelSet.of(channels.add(session, body, now(session)), links)
    response.headers["Location"] = view.url
    return view


@router.get("", summary="List channels", responses=documented())
def list_channels(database: AppDatabase, links: AppLinks) -> ChannelList:
    """Return every channel, by name."""
    with database.read() as session:
        return ChannelList(items=tuple(ChannelView.of(row, links) for row in channels.all_of(session)))


@router.get("/{channel_id}", summary="Show a channel", responses=documented(NOT_FOUND))
def get_channel(channel_id: ChannelId, database: AppDatabase, links: AppLinks) -> ChannelView:
    """Return a channel without its secrets."""
    with database.read() as session:
        return ChannelView.of(channels.get(session, channel_id), links)


@router.put("/{channel_id}", summary="Change a channel", responses=_REFUSED_CHANGE, dependencies=[ADMIN])
def replace_channel(
    channel_id: ChannelId, body: ChannelBody, database: AppDatabase, settings: AppSettings, links: AppLinks
) -> ChannelSet:
    """Put another document in its place, whole: secrets that it leaves out are not kept. What waits goes there."""
    _check_target(body, settings)
    with database.write() as session:
        return ChannelSet.of(channels.replace(session, channel_id, body, now(session)), links)


@router.delete(
    "/{channel_id}", status_code=204, summary="Delete a channel", responses=documented(NOT_FOUND), dependencies=[ADMIN]
)
def delete_channel(channel_id: ChannelId, database: AppDatabase) -> None:
    """Delete a channel. What has not been delivered to it will not be."""
    with database.write() as session:
        channels.delete(session, channel_id)


@router.post(
    "/{channel_id}/test",
    status_code=202,
    summary="Test a channel",
    responses=documented(NOT_FOUND),
    dependencies=[ADMIN],
)
def send_test_alert(channel_id: ChannelId, response: Response, database: AppDatabase, links: AppLinks) -> AlertView:
    """Have an alert sent to this channel alone, at once, the way all alerts go; follow it at its URL."""
    with database.write() as session:
        channel = channels.get(session, channel_id)
        new = NewAlert(
            kind=TEST_KIND,
            subject=str(uuid7()),
            title=f"Test of the channel {channel.name}",
            text="Somebody asked whether this channel works. It does.",
            facts={"channel": channel.name},
        )
        raised = alerts.raise_alert(session, new, now(session), [channel_id], at_once=True)
        view = AlertView.of(alerts.get(session, str(raised)), links)
    response.headers["Location"] = view.url
    return view


def _check_target(channel: Channel, settings: Settings) -> None:
    """Refuse a host that is written as a forbidden address; names are looked up when something is sent, not here."""
    try:
        Guard(Allowed.parse(settings.alert_allowed_hosts)).check_literal(host_of(channel))
    except ForbiddenTargetError as error:
        field = "host" if isinstance(channel, EmailChannel) else "url"
        raise invalid(("body", channel.kind, field), str(error), None) from error
