"""The application on a database of its own: SQLite unless a test asks for both backends."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from api.app import create_app
from api.dependencies import passes_of
from migperf.settings import Settings
from migperf.store import schema
from migperf.store.database import Database
from migperf.store.models import Base, RunTransition
from tests.api.gpu_host import GpuHost
from tests.api.serving import CountingPasses, TestClient
from tests.databases import temporary_database


def _empty(url: str) -> None:
    tables = [table.name for table in Base.metadata.sorted_tables if table.name != RunTransition.__tablename__]
    database = Database(url)
    with database.write() as session:
        session.execute(text(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY"))
    database.close()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file at the newest schema, to be copied: quicker than migrating for every test."""
    folder = tmp_path_factory.mktemp("template")
    with temporary_database("sqlite", folder) as url:
        database = Database(url)
        schema.upgrade(database)
        database.close()
    return folder / "test.db"


@pytest.fixture(scope="session")
def migrated_postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL database at the newest schema, to be emptied before each test."""
    with temporary_database("postgresql", tmp_path_factory.mktemp("postgresql")) as url:
        database = Database(url)
        schema.upgrade(database)
        database.close()
        yield url


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database at the newest schema, without rows."""
    if getattr(request, "param", "sqlite") == "postgresql":
        url: str = request.getfixturevalue("migrated_postgresql")
        _empty(url)
        return url
    shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path)
    return f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The database, open."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def passes() -> CountingPasses:
    """How many placement passes were asked for."""
    return CountingPasses()


@pytest.fixture
def app(settings: Settings, database: Database, passes: CountingPasses) -> FastAPI:
    """The application, whose placement passes are only counted."""
    created = create_app(settings)
    created.dependency_overrides[passes_of] = lambda: passes
    return created


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A client of the running application; what the application raises becomes an answer, as for any client."""
    with TestClient(app, raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture
def host(database: Database, tmp_path: Path) -> GpuHost:
    """A node with an H100, which can be cut at once, and an L40S, which cannot be cut at all."""
    return GpuHost.registered(database, tmp_path, "h100-80gb", "l40s-48gb")


@pytest.fixture
def h100(host: GpuHost) -> str:
    """The path of the H100."""
    return f"/v1/gpus/{host.gpu().uuid}"
