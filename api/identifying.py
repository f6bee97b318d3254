"""Finding out who somebody is: by the key that they send, or the session that their browser is in."""

import logging

from sqlalchemy.exc import OperationalError

from api.caller import Caller
from migperf.access.api_key import ApiKey, NotAKeyError
from migperf.store import keys, sessions
from migperf.store.database import Database, now
from migperf.store.models import ApiKeyRow

_log = logging.getLogger(__name__)


def by_key(database: Database, text: str) -> Caller | None:
    """Return whose key a text is; None if it is nobody's, or opens nothing any more."""
    try:
        key = ApiKey.parse(text)
    except NotAKeyError:
        return None
    with database.read() as session:
        time = now(session)
        row = keys.find(session, key, time)
        if row is None:
            return None
        due = keys.is_use_due(row, time)
    if due:
        _note_use(database, row)
    return Caller.with_key(row)


def by_session(database: Database, session_id: str) -> Caller | None:
    """Return who has signed in to a session; None if it is over."""
    with database.read() as session:
        time = now(session)
        row = sessions.find(session, session_id, time)
        if row is None:
            return None
        due = keys.is_use_due(row.key, time)
    if due:
        _note_use(database, row.key)
    return Caller.in_session(row, session_id)


def _note_use(database: Database, row: ApiKeyRow) -> None:
    """Write down that a key was used. That this cannot be done just now keeps nobody from reading."""
    try:
        with database.write() as session:
            keys.note_use(session, row.id, now(session))
    except OperationalError as error:
        _log.warning("the use of API key %s was not written down: %s", row.id, error.orig)
