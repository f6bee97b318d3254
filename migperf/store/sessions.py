"""Sessions: people who have signed in to the pages with an API key."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from migperf.access.api_key import KeyState, digest_of
from migperf.store.keys import state_of
from migperf.store.models import ApiKeyRow, SessionRow

LASTS = timedelta(hours=12)
ID_BYTES = 32


def begin(session: Session, key: ApiKeyRow, now: datetime) -> str:
    """Begin a session of a key and return its id, of which only the digest is stored. Clears away what has expired."""
    session.execute(delete(SessionRow).where(SessionRow.expires_at <= now))
    session_id = secrets.token_urlsafe(ID_BYTES)
    ends = now + LASTS if key.expires_at is None else min(now + LASTS, key.expires_at)
    session.add(SessionRow(digest=digest_of(session_id), key_id=key.id, created_at=now, expires_at=ends))
    session.flush()
    return session_id


def find(session: Session, session_id: str, now: datetime) -> SessionRow | None:
    """Return the session with its key; None where there is none, it has expired, or its key is active no more.

    Found by its digest, so how long that takes tells nothing about the ids that there are.
    """
    row = session.get(SessionRow, digest_of(session_id))
    if row is None or row.expires_at <= now or state_of(row.key, now) is not KeyState.ACTIVE:
        return None
    return row


def end(session: Session, session_id: str) -> None:
    """End a session, if there is one."""
    session.execute(delete(SessionRow).where(SessionRow.digest == digest_of(session_id)))
