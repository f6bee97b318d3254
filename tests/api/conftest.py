"""The application on a database of its own: SQLite unless a test asks for both backends."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI

from api.app import create_app
from api.dependencies import passes_of
from migperf.settings import Settings
from migperf.store.database import Database, now
from tests import builders
from tests.api.browsing import launched, proxied
from tests.api.gpu_host import GpuHost
from tests.api.serving import CountingPasses, TestClient
from tests.databases import make_empty, migrated_sqlite

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database at the newest schema, without rows."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return migrated_sqlite(tmp_path)
    url: str = request.getfixturevalue("migrated_postgresql")
    make_empty(url)
    return url


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


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """A browser without a window."""
    with launched() as browser:
        yield browser


@pytest.fixture
def page(browser: "Browser", app: FastAPI, database: Database) -> "Iterator[Page]":
    """A page of a service behind a proxy that puts a prefix before its paths, with a CPU to plan for."""
    with database.write() as session:
        builders.register(session, now(session), builders.partition("CPU-9", cpus=(0, 1, 2, 3)), node="node-9")
    with proxied(browser, app) as page:
        yield page
