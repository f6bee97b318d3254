"""Who sends a request, where the service asks for that, and what they may do."""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from starlette.requests import HTTPConnection

from migperf.access.scope import Scope, granted
from migperf.store.keys import scopes_of
from migperf.store.models import ApiKeyRow, SessionRow

SESSION_COOKIE = "migperf_session"


@dataclass(frozen=True, slots=True)
class Caller:
    """The holder of an API key, who has sent it along or has signed in with it."""

    key_id: str
    name: str
    scopes: frozenset[Scope]
    expires_at: datetime | None
    session_id: str | None = field(default=None, repr=False)
    """What their cookie holds; None where the request came with the key itself."""
    session_expires_at: datetime | None = None

    @classmethod
    def with_key(cls, row: ApiKeyRow) -> Self:
        """Return who has sent a key."""
        return cls(row.id, row.name, granted(scopes_of(row)), row.expires_at)

    @classmethod
    def in_session(cls, row: SessionRow, session_id: str) -> Self:
        """Return who has signed in."""
        key = row.key
        return cls(key.id, key.name, granted(scopes_of(key)), key.expires_at, session_id, row.expires_at)

    @property
    def csrf_token(self) -> str | None:
        """What proves that a request in the session comes from somebody who can read the service's answers."""
        if self.session_id is None:
            return None
        return hmac.digest(self.session_id.encode(), b"migperf csrf", hashlib.sha256).hex()


def caller_of(connection: HTTPConnection) -> Caller | None:
    """Return who sends the request; None where authentication is off, or the path is open to everybody."""
    caller: Caller | None = getattr(connection.state, "caller", None)
    return caller
