"""Who asks is told in one way, for those who have to sign in and for problems alike."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from migperf.settings import Settings
from migperf.store.database import Database
from tests.api.keyed import guarded, opened
from tests.api.serving import TestClient

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
PAGE, DOCUMENT = "text/html; charset=utf-8", "application/problem+json"
PERSON, PROGRAM, UNKNOWN = "person", "program", "unknown"
ASKERS = {
    "a browser that opens a page": ({"Accept": HTML, "Sec-Fetch-Mode": "navigate"}, PERSON),
    "a browser that says nothing of itself": ({"Accept": HTML}, PERSON),
    "a script of a page": ({"Accept": "*/*", "Sec-Fetch-Mode": "cors"}, PROGRAM),
    "a script that wishes for a page": ({"Accept": HTML, "Sec-Fetch-Mode": "cors"}, PROGRAM),
    "a program with a key": ({"Accept": HTML, "Authorization": "Bearer migperf_oops"}, PROGRAM),
    "who would rather have JSON": ({"Accept": "text/html;q=0.5, application/json"}, UNKNOWN),
    "who takes whatever comes": ({"Accept": "*/*"}, UNKNOWN),
}
every_asker = pytest.mark.parametrize(("headers", "asker"), ASKERS.values(), ids=ASKERS.keys())


@pytest.fixture
def stranger(settings: Settings, database: Database) -> Iterator[TestClient]:
    """Somebody without a key where one is asked for; follows nothing."""
    app: FastAPI = guarded(settings)
    with opened(app) as client:
        yield client


@every_asker
def test_problems_are_told_as_a_page_to_persons_alone(client: TestClient, headers: dict[str, str], asker: str) -> None:
    told = client.get("/nowhere", headers=headers).headers["Content-Type"]
    assert told == (PAGE if asker == PERSON else DOCUMENT)
    assert client.get("/v1/runs/none", headers=headers).headers["Content-Type"] == DOCUMENT, "which is for programs"
    assert client.post("/nowhere", headers=headers).headers["Content-Type"] == DOCUMENT


@every_asker
def test_who_may_be_a_person_is_sent_to_sign_in_and_programs_are_told(
    stranger: TestClient, headers: dict[str, str], asker: str
) -> None:
    assert stranger.get("/runs", headers=headers).status_code == (401 if asker == PROGRAM else 303)
    assert stranger.get("/v1/runs", headers=headers).status_code == (303 if asker == PERSON else 401)
    assert stranger.post("/v1/runs", headers=headers).status_code == 401
