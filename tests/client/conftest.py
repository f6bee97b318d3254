"""A client, and the service that it talks to, on a SQLite database that tests can act on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from migperf.client import Client
from migperf.settings import Settings
from migperf.store.database import Database
from tests.client.service import running_service
from tests.databases import migrated_sqlite


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """The URL of a database at the newest schema, without rows."""
    return migrated_sqlite(tmp_path)


@pytest.fixture
def client(settings: Settings, database: Database) -> Iterator[Client]:
    """A client of a running service."""
    with running_service(settings) as url, Client(url) as opened:
        yield opened
