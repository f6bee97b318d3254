"""Fixtures that build small real things: a database with the schema, settings in a folder of their own.

The payloads of ``tests/payloads`` are put on the path as an installed package, for this process and those it starts.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from migperf.settings import Settings, load_settings
from migperf.store import schema
from migperf.store.database import Database
from tests.databases import BACKENDS, temporary_database

PAYLOADS = str(Path(__file__).parent / "payloads")
sys.path.insert(0, PAYLOADS)
os.environ["MIGPERF_GPUS"] = "none"
"""Tests name the GPUs that they want: neither this host's nor those of a driver that another test loaded."""
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (PAYLOADS, os.environ.get("PYTHONPATH"))))


@pytest.fixture(params=BACKENDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database; the test runs once on SQLite and once on PostgreSQL."""
    with temporary_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of a service whose files all lie in a folder of the test."""
    return load_settings(data_dir=tmp_path / "data", database_url=database_url, node_name="test-node")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database at the newest schema."""
    opened = Database(database_url)
    schema.upgrade(opened)
    yield opened
    opened.close()
