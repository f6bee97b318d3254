"""API keys: making, listing and revoking them, and finding whose a key is."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from migperf.access.api_key import ApiKey, KeyState, same
from migperf.access.scope import Scope, in_order
from migperf.errors import NotFoundError
from migperf.store.models import ApiKeyRow, SessionRow

USED_EVERY = timedelta(minutes=1)
"""How old ``last_used_at`` may be before it is written again."""


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key that was just stored, with the secret that nobody can ask for again."""

    key: ApiKey
    row: ApiKeyRow


def add(
    session: Session, name: str, scopes: Collection[Scope], now: datetime, expires_at: datetime | None = None
) -> MadeKey:
    """Make a key and store what is needed to know it again. Several may have one name, as when one replaces another."""
    key = ApiKey.new()
    row = ApiKeyRow(
        id=key.id,
        name=name,
        digest=key.digest,
        scopes=[str(scope) for scope in in_order(scopes)],
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    return MadeKey(key, row)


def get(session: Session, key_id: str) -> ApiKeyRow:
    """Return a key. Raises NotFoundError."""
    row = session.get(ApiKeyRow, key_id)
    if row is None:
        raise NotFoundError("API key", key_id)
    return row


def all_of(session: Session) -> Sequence[ApiKeyRow]:
    """Return every key, revoked ones too, newest first."""
    return session.scalars(select(ApiKeyRow).order_by(ApiKeyRow.created_at.desc(), ApiKeyRow.id)).all()


def state_of(row: ApiKeyRow, now: datetime) -> KeyState:
    """Return whether a key opens anything at that time."""
    if row.revoked_at is not None:
        return KeyState.REVOKED
    return KeyState.EXPIRED if row.expires_at is not None and row.expires_at <= now else KeyState.ACTIVE


def scopes_of(row: ApiKeyRow) -> tuple[Scope, ...]:
    """Return the scopes that a key was given; those that another version knows are left out."""
    return in_order(Scope(scope) for scope in row.scopes if scope in frozenset(Scope))


def find(session: Session, key: ApiKey, now: datetime) -> ApiKeyRow | None:
    """Return the stored key that was presented; None where there is none, or it is active no more."""
    row = session.get(ApiKeyRow, key.id)
    if row is None or not same(row.digest, key.digest) or state_of(row, now) is not KeyState.ACTIVE:
        return None
    return row


def is_use_due(row: ApiKeyRow, now: datetime) -> bool:
    """Tell whether a use of the key at that time is to be written down."""
    return row.last_used_at is None or now - row.last_used_at >= USED_EVERY


def note_use(session: Session, key_id: str, now: datetime) -> None:
    """Write down that a key was used, unless somebody has just done so."""
    due = or_(ApiKeyRow.last_used_at.is_(None), ApiKeyRow.last_used_at <= now - USED_EVERY)
    session.execute(update(ApiKeyRow).where(ApiKeyRow.id == key_id, due).values(last_used_at=now))


def revoke(session: Session, key_id: str, now: datetime) -> ApiKeyRow:
    """Have a key open nothing any more, and end its sessions. Again changes nothing. Raises NotFoundError."""
    row = session.get(ApiKeyRow, key_id, with_for_update=True)
    if row is None:
        raise NotFoundError("API key", key_id)
    row.revoked_at = row.revoked_at or now
    session.execute(delete(SessionRow).where(SessionRow.key_id == key_id))
    session.flush()
    return row
