"""Channels: storing, finding, changing and deleting where alerts go."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from migperf.alerts.channel import Channel
from migperf.errors import ConflictError, NotFoundError
from migperf.store.bulk import insert_if_new
from migperf.store.models import ChannelRow


class ChannelNameTakenError(ConflictError):
    """Another channel has the name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a channel named {name!r} already; give this one another name, or change that one")


def add(session: Session, channel: Channel, now: datetime) -> ChannelRow:
    """Store a channel. Raises ChannelNameTakenError."""
    channel_id = str(uuid7())
    row = {
        "id": channel_id,
        "name": channel.name,
        "document": channel.stored(),
        "created_at": now,
        "updated_at": now,
    }
    if not insert_if_new(session, ChannelRow, row):
        raise ChannelNameTakenError(channel.name)
    return get(session, channel_id)


def get(session: Session, channel_id: str) -> ChannelRow:
    """Return a channel. Raises NotFoundError."""
    row = session.get(ChannelRow, channel_id)
    if row is None:
        raise NotFoundError("channel", channel_id)
    return row


def all_of(session: Session) -> Sequence[ChannelRow]:
    """Return every channel, by name."""
    return session.scalars(select(ChannelRow).order_by(ChannelRow.name)).all()


def replace(session: Session, channel_id: str, channel: Channel, now: datetime) -> ChannelRow:
    """Put another document in the place of a channel's; what waits for it goes where that says.

    Raises NotFoundError and ChannelNameTakenError.
    """
    row = session.get(ChannelRow, channel_id, with_for_update=True)
    if row is None:
        raise NotFoundError("channel", channel_id)
    row.name, row.document, row.updated_at = channel.name, channel.stored(), now
    try:
        session.flush()
    except IntegrityError as error:
        raise ChannelNameTakenError(channel.name) from error
    return row


def delete(session: Session, channel_id: str) -> None:
    """Delete a channel, and with it what was or is to be delivered to it. Raises NotFoundError."""
    session.delete(get(session, channel_id))


def chosen(session: Session, names: Collection[str] | None) -> tuple[Sequence[str] | None, tuple[str, ...]]:
    """Return the ids of the channels with these names, and the names that no channel has; None stands for all."""
    if names is None:
        return None, ()
    query = select(ChannelRow.name, ChannelRow.id).where(ChannelRow.name.in_(names))
    found = {row.name: row.id for row in session.execute(query)}
    return list(found.values()), tuple(name for name in names if name not in found)
