"""The outbox: which messages are due, who sends one now, and what came of it.

A message is claimed before it is sent, for longer than sending takes. Who dies meanwhile leaves it due again at the end
of the claim; so a message is sent at least once, with the same id each time, and by one sender at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.orm import Session, joinedload
from uuid_utils.compat import uuid7

from migperf.alerts.alert import Alert
from migperf.store import alerts
from migperf.store.database import lock_for_pass
from migperf.store.models import DeliveryRow
from migperf.store.states import DeliveryState

MAX_GATHERED = 100
"""Alerts of one digest; more make another."""
_CLAIMING = 0x6D69_6772


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A message that its holder alone sends, until ``until``."""

    message_id: str
    attempt: int
    """Which try this is, from 1. It tells this claim from earlier ones that have run out."""
    until: datetime
    channel_id: str
    document: Mapping[str, Any]
    """The channel's, with its secrets."""
    alerts: tuple[Alert, ...]


def due(session: Session, now: datetime, limit: int) -> int:
    """Return how many alerts wait to be sent now, counted up to a limit."""
    some = select(DeliveryRow.alert_id).where(_is_due(now)).limit(limit).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def claim(session: Session, now: datetime, lease_s: float) -> Claim | None:
    """Claim the message that has been due for longest; None if none is. Claimers take turns."""
    lock_for_pass(session, _CLAIMING)
    query = select(DeliveryRow).where(_is_due(now)).order_by(DeliveryRow.next_at, DeliveryRow.alert_id).limit(1)
    first = session.scalars(query).first()
    if first is None:
        return None
    message_id = first.message_id or str(uuid7())
    attempt, until = first.attempts + 1, now + timedelta(seconds=lease_s)
    together = _together(session, first)
    for row in together:
        row.message_id, row.attempts, row.next_at = message_id, attempt, until
    return Claim(
        message_id=message_id,
        attempt=attempt,
        until=until,
        channel_id=first.channel_id,
        document=first.channel.document,
        alerts=tuple(alerts.describe(row.alert) for row in together),
    )


def deliver(session: Session, held: Claim, now: datetime) -> bool:
    """Note that the channel has taken the message; False if the claim is somebody else's by now."""
    return _settle(session, held, state=DeliveryState.DELIVERED, settled_at=now, last_error=None)


def try_again(session: Session, held: Claim, at: datetime, error: str) -> bool:
    """Have the message sent again at a time; False if the claim is somebody else's by now."""
    return _settle(session, held, next_at=at, last_error=error)


def give_up(session: Session, held: Claim, now: datetime, error: str) -> bool:
    """Have the message sent no more; False if the claim is somebody else's by now."""
    return _settle(session, held, state=DeliveryState.GIVEN_UP, settled_at=now, last_error=error)


def _is_due(now: datetime) -> ColumnElement[bool]:
    return and_(DeliveryRow.state == DeliveryState.PENDING, DeliveryRow.next_at <= now)


def _together(session: Session, first: DeliveryRow) -> Sequence[DeliveryRow]:
    """Return what is sent with it: what was before, or else all that its channel has gathered by now."""
    same = DeliveryRow.message_id.is_(None) if first.message_id is None else DeliveryRow.message_id == first.message_id
    query = select(DeliveryRow).where(
        DeliveryRow.channel_id == first.channel_id, DeliveryRow.state == DeliveryState.PENDING, same
    )
    query = query.options(joinedload(DeliveryRow.alert)).order_by(DeliveryRow.alert_id).limit(MAX_GATHERED)
    return session.scalars(query).all()


def _settle(session: Session, held: Claim, **values: Any) -> bool:  # noqa: ANN401 - of several columns
    mine = (
        DeliveryRow.message_id == held.message_id,
        DeliveryRow.attempts == held.attempt,
        DeliveryRow.state == DeliveryState.PENDING,
    )
    changed = session.execute(update(DeliveryRow).where(*mine).values(values).returning(DeliveryRow.alert_id))
    return len(changed.all()) > 0
