"""Raising alerts, in the transaction of what causes them; and finding them."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from migperf.alerts.alert import Alert, NewAlert
from migperf.alerts.channel import MAX_DIGEST_S
from migperf.errors import NotFoundError
from migperf.store.bulk import insert_if_new
from migperf.store.models import AlertRow, ChannelRow, DeliveryRow
from migperf.store.newest import NewestPage, newest_page
from migperf.store.states import DeliveryState


def raise_alert(
    session: Session,
    new: NewAlert,
    now: datetime,
    channels: Collection[str] | None = None,
    *,
    at_once: bool = False,
) -> str | None:
    """Store an alert and have it delivered to every channel there is, or to those with these ids.

    Returns the alert's id; None if an alert of that kind about that subject was raised before, which is then all that
    there will be. ``at_once`` sends it by itself also where a channel gathers digests.
    """
    alert_id = str(uuid7())
    row = new.model_dump(exclude={"facts"}) | {"id": alert_id, "created_at": now, "facts": list(new.facts.items())}
    if not insert_if_new(session, AlertRow, row):
        return None
    session.add_all(_delivery(alert_id, channel, now, at_once=at_once) for channel in _kept(session, channels))
    session.flush()
    return alert_id


def _kept(session: Session, channels: Collection[str] | None) -> Sequence[ChannelRow]:
    """Return channels, which nobody can delete until this transaction has ended."""
    query = select(ChannelRow).order_by(ChannelRow.id).with_for_update(read=True, key_share=True)
    return session.scalars(query if channels is None else query.where(ChannelRow.id.in_(channels))).all()


def _delivery(alert_id: str, channel: ChannelRow, now: datetime, *, at_once: bool) -> DeliveryRow:
    gathered_s = 0 if at_once else _digest_s(channel)
    return DeliveryRow(
        alert_id=alert_id,
        channel_id=channel.id,
        message_id=None if gathered_s else str(uuid7()),
        state=DeliveryState.PENDING,
        next_at=now + timedelta(seconds=gathered_s),
    )


def _digest_s(channel: ChannelRow) -> int:
    """Return for how long a channel gathers; 0 where another version has stored what says none.

    Whatever a channel holds, what has happened is stored: the delivery then tells that the channel cannot be read.
    """
    stored = channel.document.get("digest_s")
    return stored if isinstance(stored, int) and 0 <= stored <= MAX_DIGEST_S else 0


def get(session: Session, alert_id: str) -> AlertRow:
    """Return an alert. Raises NotFoundError."""
    row = session.get(AlertRow, alert_id)
    if row is None:
        raise NotFoundError("alert", alert_id)
    return row


def latest(session: Session, limit: int, before: str | None = None) -> NewestPage[AlertRow]:
    """Return at most ``limit`` alerts, newest first; with ``before`` of those older than the one of that id."""
    return newest_page(session, select(AlertRow), AlertRow.id, limit, before)


def describe(row: AlertRow) -> Alert:
    """Return an alert as it is sent."""
    return Alert(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        title=row.title,
        text=row.text,
        facts=dict(row.facts),
        link=row.link,
        created_at=row.created_at,
    )
