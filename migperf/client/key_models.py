"""API keys as the service shows them."""

from pydantic import AwareDatetime, Field

from migperf.access.api_key import KeyState
from migperf.access.scope import Scope
from migperf.client.view import View


class KeyView(View):
    """An API key without its secret."""

    id: str
    url: str
    name: str
    scopes: tuple[Scope, ...]
    state: KeyState
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    last_used_at: AwareDatetime | None = None
    revoked_at: AwareDatetime | None = None


class KeyMade(KeyView):
    """A key that was just made."""

    key: str = Field(repr=False)
    """What its holder sends: told this once."""


class KeyList(View):
    """Every key."""

    items: tuple[KeyView, ...]


class WhoAmI(View):
    """Whom the service takes this client for; without authentication, anybody who may do everything."""

    authentication: str
    key_id: str | None = None
    name: str | None = None
    scopes: tuple[Scope, ...]
    expires_at: AwareDatetime | None = None
