"""The schema's revision: bringing a database up, taking it down, and refusing to work on the wrong one."""

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from migperf.errors import ConfigurationError
from migperf.store.database import Database, lock_for_pass

_MIGRATION_LOCK = 0x6D69_6770


class SchemaError(ConfigurationError):
    """The database's schema is not the one that this version works with."""


def head() -> str:
    """Return the newest revision that this version knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise SchemaError("this installation has no migrations; install migperf anew")
    return revision


def current(database: Database) -> str | None:
    """Return the database's revision, None when it is empty."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the schema up to a revision. Processes that start together take turns."""
    with database.write() as session:
        lock_for_pass(session, _MIGRATION_LOCK)
        command.upgrade(_config(session.connection()), revision)


def downgrade(database: Database, revision: str) -> None:
    """Take the schema down to a revision; ``base`` removes everything."""
    with database.write() as session:
        lock_for_pass(session, _MIGRATION_LOCK)
        command.downgrade(_config(session.connection()), revision)


def require_head(database: Database) -> None:
    """Raise SchemaError unless the schema is the newest that this version knows."""
    found, wanted = current(database), head()
    if found != wanted:
        raise SchemaError(f"the database is at revision {found or 'none'}, not {wanted}; run `migperf db upgrade`")


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("migrations")))
    config.attributes["connection"] = connection
    return config
