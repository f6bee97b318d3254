"""The commands about API keys: ``migperf keys …``. They work on the database, so that there can be a first key."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from migperf.access.scope import Scope
from migperf.cli.database import opened
from migperf.cli.options import AsJson, StorageOptions, grouped

if TYPE_CHECKING:
    from migperf.store.database import Database

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys, in the service's database.")
_SCOPES = "; ".join(f"{scope}: {scope.meaning}" for scope in Scope)


@app.command()
@grouped
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who or what has it, such as ci.")],
    scopes: Annotated[
        list[Scope], typer.Option("--scope", help=f"What it allows; can be repeated. {_SCOPES}. All contain read.")
    ],
    storage: StorageOptions,
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="WHEN", help="Stop it after a while, such as 90d or 12h, or on 2026-12-31."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. Its secret is printed on standard output, this once."""
    from migperf.cli.key_words import ToldKey, expiry, named
    from migperf.cli.output import emit_json, moment, remark
    from migperf.store import keys
    from migperf.store.database import now

    with _at_head(storage) as database, database.write() as session:
        time = now(session)
        made = keys.add(session, named(name), scopes, time, expiry(expires, time))
        told = ToldKey.of(made.row, time)
    if as_json:
        return emit_json({**told.document(), "key": made.key.text})
    until = "" if told.expires_at is None else f", until {moment(told.expires_at)}"
    remark(f"key {told.id} ({', '.join(told.scopes)}{until}); it is not shown again:")
    return typer.echo(made.key.text)


@app.command("list")
@grouped
def list_keys(storage: StorageOptions, as_json: AsJson = False) -> None:
    """List keys, newest first, also those that have expired or were revoked; without their secrets."""
    from migperf.cli.key_words import ToldKey, print_keys
    from migperf.cli.output import emit_json
    from migperf.store import keys
    from migperf.store.database import now

    with _at_head(storage) as database, database.read() as session:
        time = now(session)
        found = [ToldKey.of(row, time) for row in keys.all_of(session)]
    return emit_json([key.document() for key in found]) if as_json else print_keys(found)


@app.command()
@grouped
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="KEY", help="Id of the key: its middle part.")],
    storage: StorageOptions,
    as_json: AsJson = False,
) -> None:
    """Have a key open nothing any more, and sign out whoever has signed in with it. Twice changes nothing."""
    from migperf.cli.key_words import ToldKey, id_of
    from migperf.cli.output import emit_json, remark
    from migperf.store import keys
    from migperf.store.database import now

    with _at_head(storage) as database, database.write() as session:
        time = now(session)
        told = ToldKey.of(keys.revoke(session, id_of(key_id), time), time)
    return emit_json(told.document()) if as_json else remark(f"key {told.id} ({told.name}) opens nothing any more")


@contextmanager
def _at_head(storage: StorageOptions) -> "Iterator[Database]":
    """Open the database, whose schema must be this version's. Raises SchemaError."""
    from migperf.store import schema

    with opened(storage) as database:
        schema.require_head(database)
        yield database
