"""API keys as they are shown: without their secrets."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from api.caller import Caller
from api.links import Links
from api.schemas.view import View
from migperf.access.api_key import KeyState
from migperf.access.scope import Scope, in_order
from migperf.store.keys import MadeKey, scopes_of, state_of
from migperf.store.models import ApiKeyRow

KeyName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]

_KEY: dict[str, Any] = {
    "id": "4be1c09d2f7a",
    "url": "/v1/keys/4be1c09d2f7a",
    "name": "ci",
    "scopes": ["submit"],
    "state": "active",
    "created_at": "2026-03-02T09:15:00Z",
    "expires_at": "2026-12-31T00:00:00Z",
    "last_used_at": "2026-03-02T11:40:00Z",
    "revoked_at": None,
}
_SECRET = f"migperf_4be1c09d2f7a_{'0123456789abcdef' * 3}"


class KeyRequest(BaseModel):
    """A key that is to be made."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"name": "ci", "scopes": ["submit"], "expires_at": "2026-12-31T00:00:00Z"}],
        },
    )

    name: KeyName = Field(description="What people call it: who or what has it. Several keys may have one name.")
    scopes: list[Scope] = Field(min_length=1, description="What it allows. Each contains `read`, `admin` contains all.")
    expires_at: AwareDatetime | None = Field(default=None, description="When it stops; null: not by itself.")


class KeyView(View):
    """An API key without its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [_KEY]})

    id: str = Field(description="The middle part of the key, which is no secret.")
    url: str = Field(description="Path of the key.")
    name: str
    scopes: tuple[Scope, ...] = Field(description="As it was made. Each contains `read`, `admin` contains all.")
    state: KeyState
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = Field(description="When it stops; null: not by itself.")
    last_used_at: AwareDatetime | None = Field(description="Up to a minute old; null: never.")
    revoked_at: AwareDatetime | None

    @classmethod
    def of(cls, row: ApiKeyRow, links: Links, now: datetime) -> Self:
        """Return a stored key as it is shown."""
        return cls(**_shown(row, links, now))


class KeyMade(KeyView):
    """A key that was just made, with its secret: the one time that it is shown."""

    model_config = ConfigDict(json_schema_extra={"examples": [_KEY | {"last_used_at": None, "key": _SECRET}]})

    key: str = Field(description="What its holder sends as `Authorization: Bearer …`. It is not shown again.")

    @classmethod
    def just_made(cls, made: MadeKey, links: Links, now: datetime) -> Self:
        """Return a key with its secret."""
        return cls(**_shown(made.row, links, now), key=made.key.text)


class KeyList(View):
    """Every key, newest first, also those that open nothing any more."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_KEY]}]})

    items: tuple[KeyView, ...]


class WhoAmI(View):
    """Whom the service takes the sender of a request for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "authentication": "required",
                    "key_id": "4be1c09d2f7a",
                    "name": "ci",
                    "scopes": ["read", "submit"],
                    "expires_at": "2026-12-31T00:00:00Z",
                    "session_expires_at": None,
                    "csrf_token": None,
                }
            ]
        }
    )

    authentication: Literal["off", "required"] = Field(description="`off`: everybody may do everything.")
    key_id: str | None = Field(description="Id of the key; null where authentication is off.")
    name: str | None = Field(description="Name of the key.")
    scopes: tuple[Scope, ...] = Field(description="All that is allowed, what a scope contains written out.")
    expires_at: AwareDatetime | None = Field(description="When the key stops; null: not by itself.")
    session_expires_at: AwareDatetime | None = Field(description="In a browser's session: when that ends.")
    csrf_token: str | None = Field(
        description="In a browser's session: what to send as `X-CSRF-Token` with requests that change something, where "
        "the browser says neither `Sec-Fetch-Site` nor `Origin`."
    )

    @classmethod
    def of(cls, caller: Caller | None) -> Self:
        """Return who a caller is; None is anybody, where authentication is off."""
        if caller is None:
            return cls(
                authentication="off",
                key_id=None,
                name=None,
                scopes=tuple(Scope),
                expires_at=None,
                session_expires_at=None,
                csrf_token=None,
            )
        return cls(
            authentication="required",
            key_id=caller.key_id,
            name=caller.name,
            scopes=in_order(caller.scopes),
            expires_at=caller.expires_at,
            session_expires_at=caller.session_expires_at,
            csrf_token=caller.csrf_token,
        )


def _shown(row: ApiKeyRow, links: Links, now: datetime) -> dict[str, Any]:
    return {
        "id": row.id,
        "url": links.key(row.id),
        "name": row.name,
        "scopes": scopes_of(row),
        "state": state_of(row, now),
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "last_used_at": row.last_used_at,
        "revoked_at": row.revoked_at,
    }
