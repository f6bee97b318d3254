"""The part of the client that has to do with API keys."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol
from urllib.parse import quote

from migperf.client.key_models import KeyList, KeyMade, KeyView, WhoAmI
from migperf.client.transport import Transport


class _Connected(Protocol):
    _transport: Transport


class KeyCalls:
    """What a client can ask about keys. All but ``whoami`` needs a key with the scope ``admin``."""

    def whoami(self: _Connected) -> WhoAmI:
        """Return whom the service takes this client for, and what it may do."""
        return self._transport.get(WhoAmI, "/v1/whoami")

    def api_keys(self: _Connected) -> tuple[KeyView, ...]:
        """Return every key, newest first."""
        return self._transport.get(KeyList, "/v1/keys").items

    def make_key(self: _Connected, name: str, scopes: Iterable[str], expires_at: datetime | None = None) -> KeyMade:
        """Make a key and return it with its secret, which is told this once.

        Raises ApiConflictError while the service asks nobody for a key.
        """
        document = {
            "name": name,
            "scopes": [str(scope) for scope in scopes],
            "expires_at": None if expires_at is None else expires_at.isoformat(),
        }
        return self._transport.parse(KeyMade, self._transport.send("POST", "/v1/keys", json=document, repeatable=False))

    def revoke_key(self: _Connected, key_id: str) -> KeyView:
        """Have a key open nothing any more, and end its sessions. Raises ApiNotFoundError."""
        answer = self._transport.send("POST", f"/v1/keys/{quote(key_id, safe='')}/revoke")
        return self._transport.parse(KeyView, answer)
