"""The commands about the database: its schema, and old series: ``migperf db …``."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from migperf.cli.options import AsJson, StorageOptions, grouped, settings_with

if TYPE_CHECKING:
    from migperf.settings import Settings
    from migperf.store.database import Database

app = typer.Typer(no_args_is_help=True, help="Look at the database's schema and change it; thin old series.")


@app.command()
@grouped
def upgrade(
    revision: Annotated[str, typer.Argument(metavar="[REV]", help="Revision to go up to.")] = "head",
    *,
    storage: StorageOptions,
    as_json: AsJson = False,
) -> None:
    """Bring the schema up, by default to the newest revision; an empty database becomes usable."""
    from migperf.store import schema

    with opened(storage) as database:
        before = schema.current(database)
        schema.upgrade(database, revision)
        _say(before, schema.current(database), as_json=as_json)


@app.command()
@grouped
def downgrade(
    revision: Annotated[str, typer.Argument(metavar="REV", help="Revision to go down to; base removes everything.")],
    storage: StorageOptions,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take the schema down to an older revision. What only the newer one can hold is lost."""
    from migperf.store import schema

    with opened(storage) as database:
        if not yes and sys.stdin.isatty():
            typer.confirm(f"Take {database.engine.url!r} down to {revision}? Data may be lost.", abort=True, err=True)
        before = schema.current(database)
        schema.downgrade(database, revision)
        _say(before, schema.current(database), as_json=as_json)


@app.command()
@grouped
def current(storage: StorageOptions, as_json: AsJson = False) -> None:
    """Print the database's revision and the newest one."""
    from migperf.cli.output import emit_json
    from migperf.store import schema

    with opened(storage) as database:
        found, head = schema.current(database), schema.head()
    if as_json:
        emit_json({"current": found, "head": head})
    else:
        typer.echo(f"{found or 'none'}{' (newest)' if found == head else f', newest is {head}'}")


@app.command()
@grouped
def check(storage: StorageOptions, as_json: AsJson = False) -> None:
    """Check that the schema is the one that this version works with; exit status 2 if not."""
    from migperf.cli.output import emit_json, remark
    from migperf.store import schema

    with opened(storage) as database:
        schema.require_head(database)
    if as_json:
        emit_json({"current": schema.head(), "head": schema.head()})
    else:
        remark(f"the database is at revision {schema.head()}, as it should be")


@app.command()
@grouped
def thin(
    days: Annotated[float, typer.Option("--older-than", min=0, metavar="DAYS", help="Of runs that ended before then.")],
    storage: StorageOptions,
    points: Annotated[
        int | None, typer.Option(min=100, metavar="N", help="Samples that a series keeps; else as the settings say.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Thin the watched series of old runs, extremes and gaps kept. Results, timings and logs stay as they are."""
    from migperf.cli.output import emit_json, remark

    with opened(storage) as database:
        thinned = _thin_all(database, settings_with(storage), days, points)
    if as_json:
        emit_json({"runs_thinned": thinned})
    else:
        remark(f"thinned the series of {thinned} {'run' if thinned == 1 else 'runs'}")


def _thin_all(database: "Database", settings: "Settings", days: float, points: int | None) -> int:
    from datetime import timedelta

    from migperf.jobs.retention import Retention

    wanted = settings.model_copy(update={} if points is None else {"series_thinned_points": points})
    retention, thinned = Retention(database, wanted), 0
    while retention.thin_one(timedelta(days=days)):
        thinned += 1
    return thinned


@contextmanager
def opened(storage: StorageOptions) -> "Iterator[Database]":
    """Open the database of the settings; what Alembic and the driver refuse becomes an error with a remedy."""
    settings = settings_with(storage)
    from alembic.util import CommandError
    from sqlalchemy.exc import OperationalError

    from migperf.errors import ConfigurationError, MigperfError
    from migperf.store.database import Database

    database = Database(settings.sqlalchemy_url)
    try:
        yield database
    except CommandError as error:
        raise ConfigurationError(f"{error}; `migperf db current` shows the present and the newest revision") from error
    except OperationalError as error:
        where = f"the database {database.engine.url!r} cannot be used"
        raise MigperfError(f"{where}: {error.orig}; check MIGPERF_DATABASE_URL or --database-url") from error
    finally:
        database.close()


def _say(before: str | None, after: str | None, *, as_json: bool) -> None:
    from migperf.cli.output import emit_json, remark

    if as_json:
        emit_json({"before": before, "after": after})
    elif before == after:
        remark(f"the database is at revision {after or 'none'} already")
    else:
        remark(f"the database went from revision {before or 'none'} to {after or 'none'}")
