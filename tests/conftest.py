"""Fixtures that build small real things: a database with the schema, settings in a folder of their own.

The payloads of ``tests/payloads`` are put on the path as an installed package, for this process and those it starts.
The test command deals the files out to processes side by side (pytest-xdist); see ``tests/scheduling.py``.
"""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migperf.settings import Settings, load_settings
from migperf.store.database import Database
from tests.databases import BACKENDS, make_empty, migrated_database, migrated_sqlite, temporary_database

PAYLOADS = str(Path(__file__).parent / "payloads")
sys.path.insert(0, PAYLOADS)
os.environ["MIGPERF_GPUS"] = "none"
"""Tests name the GPUs that they want: neither this host's nor those of a driver that another test loaded."""
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"
    """PyTorch's threads on cores that others use wait for each other most of the time."""
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    """A shell that starts tests in the background has Ctrl-C ignored by them, and by the commands that they start."""
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (PAYLOADS, os.environ.get("PYTHONPATH"))))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Deal out whole files when pytest is asked for that."""
    if config.getoption("dist") != "loadfile":
        return None
    from tests.scheduling import FilesAndTheService

    return FilesAndTheService(config, log)


@pytest.fixture(params=BACKENDS)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without a schema; the test runs once on SQLite and once on PostgreSQL."""
    with temporary_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL database at the newest schema, to be emptied before each test."""
    with migrated_database("postgresql", tmp_path_factory.mktemp("postgresql")) as url:
        yield url


@pytest.fixture(params=BACKENDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database at the newest schema, without rows; the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return migrated_sqlite(tmp_path)
    url: str = request.getfixturevalue("migrated_postgresql")
    make_empty(url)
    return url


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of a service whose files all lie in a folder of the test."""
    return load_settings(data_dir=tmp_path / "data", database_url=database_url, node_name="test-node")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The database, open."""
    opened = Database(database_url)
    yield opened
    opened.close()
