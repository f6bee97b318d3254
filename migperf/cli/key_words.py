"""Reading what people say about keys, and showing keys to them."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import typer
from rich.text import Text

from migperf.access.api_key import ApiKey, KeyState
from migperf.access.scope import Scope
from migperf.cli.output import moment, out, remark, table
from migperf.store.keys import scopes_of, state_of
from migperf.store.models import ApiKeyRow

LONGEST_NAME = 64
_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
_STYLES = {KeyState.ACTIVE: "green", KeyState.EXPIRED: "yellow", KeyState.REVOKED: "red"}


@dataclass(frozen=True, slots=True)
class ToldKey:
    """A key as the command line tells of it: without its secret."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    state: KeyState
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, row: ApiKeyRow, now: datetime) -> "ToldKey":
        """Return what is told of a stored key."""
        times = (row.created_at, row.expires_at, row.last_used_at, row.revoked_at)
        return cls(row.id, row.name, scopes_of(row), state_of(row, now), *times)

    def document(self) -> dict[str, Any]:
        """Return it as JSON, with the names of the REST interface."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(self).items()
        }


def named(name: str) -> str:
    """Return the name of a key. Raises typer.BadParameter."""
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise typer.BadParameter(f"give 1 to {LONGEST_NAME} printable characters", param_hint="'NAME'")
    return name


def id_of(text: str) -> str:
    """Return the id of the key that a person means, who may have given the whole key. Raises NotAKeyError."""
    return ApiKey.parse(text.strip()).id if "_" in text else text.strip()


def expiry(text: str | None, now: datetime) -> datetime | None:
    """Return when a key stops: ``90d``, ``12h``, ``30m``, or a date or time, in UTC unless it says otherwise.

    Raises typer.BadParameter.
    """
    if text is None:
        return None
    try:
        when = now + _after(text) if re.fullmatch(r"[0-9]{1,6}[dhm]", text) else _at(text)
    except (ValueError, OverflowError) as error:
        said = f"{text!r} is neither a duration such as 90d, 12h or 30m, nor a date such as 2026-12-31"
        raise typer.BadParameter(said, param_hint="'--expires'") from error
    if when <= now:
        raise typer.BadParameter(f"{text!r} is over already; give a time that is to come", param_hint="'--expires'")
    return when


def _after(text: str) -> timedelta:
    return int(text[:-1]) * _UNITS[text[-1]]


def _at(text: str) -> datetime:
    when = datetime.fromisoformat(text)
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def print_keys(found: Sequence[ToldKey]) -> None:
    """Print keys as a table."""
    if not found:
        return remark("there are no keys; `migperf keys create NAME --scope admin` makes one")
    made = table("Key", "Name", "Scopes", "State", "Expires", "Last used", whole=("Key", "State"))
    for key in found:
        made.add_row(
            key.id,
            Text(key.name),
            ", ".join(key.scopes),
            Text(key.state, _STYLES[key.state]),
            moment(key.expires_at),
            moment(key.last_used_at),
        )
    return out().print(made)
