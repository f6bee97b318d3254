"""The application as a whole: light to import, strict at its start, at home behind a prefix, placing what it takes."""

import html
import subprocess
import sys
import threading
import time

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError

from api.app import create_app
from api.dependencies import passes_of
from api.placement import PlacementPasses
from migperf.settings import Settings, load_settings
from migperf.store.database import Database, now
from migperf.store.schema import SchemaError
from tests import builders
from tests.api.serving import TestClient, served
from tests.api.steps import REQUEST, both_databases, measured


def test_the_application_imports_no_heavy_library() -> None:
    code = "import api.app, sys; api.app.create_app(); print({'torch', 'scipy', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"


def test_it_does_not_start_on_a_database_without_the_schema(tmp_path) -> None:
    app = create_app(load_settings(data_dir=tmp_path))
    with pytest.raises(SchemaError, match="migperf db upgrade"), TestClient(app):
        pass


@both_databases
def test_a_submitted_run_is_placed_without_anybody_asking_again(settings: Settings, database: Database) -> None:
    with database.write() as session:
        builders.register(session, now(session))
    with TestClient(create_app(settings)) as client:
        url = client.post("/v1/runs", json=REQUEST).json()["url"]
        run = client.get(url).json()
    assert (run["state"], run["partition"]["uuid"]) == ("placed", "CPU-1")


class SlowDispatcher:
    """Takes its time over a pass, and notes when passes begin."""

    def __init__(self) -> None:
        self.began: list[float] = []
        self.free = threading.Event()

    def run_pass(self) -> None:
        """Take until the test says so."""
        self.began.append(time.monotonic())
        self.free.wait(10)


def test_an_answer_does_not_wait_for_placement(app: FastAPI) -> None:
    slow = SlowDispatcher()
    app.dependency_overrides[passes_of] = lambda: passes
    passes = PlacementPasses(slow)  # type: ignore[arg-type]
    with served(app) as url, httpx.Client(base_url=url, timeout=5, trust_env=False) as client:
        assert client.post("/v1/runs", json=REQUEST).status_code == 202
        assert client.get("/v1/health").status_code == 200
        slow.free.set()


def test_requests_for_placement_share_passes_but_none_is_forgotten() -> None:
    slow = SlowDispatcher()
    passes = PlacementPasses(slow)  # type: ignore[arg-type]
    first = threading.Thread(target=passes.run)
    first.start()
    while not slow.began:
        time.sleep(0.001)
    for _ in range(50):
        passes.run()
    asked_last = time.monotonic()
    slow.free.set()
    first.join(10)
    assert len(slow.began) == 2
    assert slow.began[1] > asked_last
    passes.run()
    assert len(slow.began) == 3


def test_a_pass_that_fails_does_not_end_placement() -> None:
    class Failing:
        count = 0

        def run_pass(self) -> None:
            self.count += 1
            raise OperationalError("select 1", {}, Exception("gone"))

    failing = Failing()
    passes = PlacementPasses(failing)  # type: ignore[arg-type]
    passes.run()
    passes.run()
    assert failing.count == 2


def test_every_link_works_behind_a_path_prefix(app: FastAPI, database: Database) -> None:
    run_id = measured(database)
    with served(app, root_path="/bench") as url, httpx.Client(base_url=url, trust_env=False) as client:
        run = client.get(f"/v1/runs/{run_id}").json()
        assert (run["url"], run["page"]) == (f"/bench/v1/runs/{run_id}", f"/bench/runs/{run_id}")
        assert client.post("/v1/runs", json=REQUEST).headers["Location"].startswith("/bench/v1/runs/")
        for page in ("/", f"/runs/{run_id}"):
            text = client.get(page).text
            links = [html.unescape(part.split('"')[0]) for part in text.split('href="')[1:]]
            links = [link for link in links if not link.startswith("#")]
            assert all(link.startswith("/bench/") for link in links), links
            for link in set(links):
                assert client.get(link.removeprefix("/bench")).status_code == 200, link
        assert client.get("/v1/openapi.json").json()["servers"] == [{"url": "/bench"}]
