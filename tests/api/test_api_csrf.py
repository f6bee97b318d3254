"""Signing in and out, and that no other site can use a session: what comes by cookie must prove where it is from."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from api.local_path import local_path
from migperf.access.scope import Scope
from migperf.settings import Settings
from migperf.store import keys
from migperf.store.database import Database, now
from migperf.store.keys import MadeKey
from tests.api.keyed import COOKIE, OWN_ORIGIN, bearer, guarded, made, opened, signed_in
from tests.api.serving import TestClient
from tests.api.steps import REQUEST


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    """The application, which asks for keys, and is known by another name behind a proxy."""
    return guarded(settings, url="http://bench.example/migperf")


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """Somebody without a key."""
    with opened(app) as client:
        yield client


@pytest.fixture
def key(database: Database) -> MadeKey:
    """A key that may submit."""
    return made(database, Scope.SUBMIT, name="Ada")


OURS = [
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
    OWN_ORIGIN,
    {"Origin": "http://bench.example"},
]
STRANGE = [
    {},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", **OWN_ORIGIN},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "null"},
    {"Origin": "https://evil.example"},
    {"Origin": "https://testserver"},
    {"Origin": "http://testserver:81"},
    {"Origin": "http://testserver.evil.example"},
    {"Referer": "http://testserver/"},
    {"X-CSRF-Token": "guess"},
    {"X-CSRF-Token": "none"},
]


@pytest.mark.parametrize("headers", OURS)
def test_what_a_page_of_ours_asks_for_is_done(client: TestClient, key: MadeKey, headers: dict[str, str]) -> None:
    assert signed_in(client, key).post("/v1/runs", json=REQUEST, headers=headers).status_code == 202


@pytest.mark.parametrize("headers", STRANGE)
def test_what_another_site_asks_for_is_not(client: TestClient, key: MadeKey, headers: dict[str, str]) -> None:
    signed_in(client, key)
    answer = client.post("/v1/runs", json=REQUEST, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/cross-origin")
    assert client.post("/sign-out", headers=headers).status_code == 403
    assert client.get("/v1/runs", headers=headers).json()["items"] == [], "reading is free, and nothing was stored"


@pytest.mark.parametrize("headers", STRANGE)
def test_no_other_site_can_sign_anybody_in(client: TestClient, key: MadeKey, headers: dict[str, str]) -> None:
    """Else it could have people work under a key of its own."""
    answer = client.post("/sign-in", data={"key": key.key.text}, headers=headers)
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


def test_where_the_browser_says_nothing_a_token_proves_it(client: TestClient, key: MadeKey, database: Database) -> None:
    token = signed_in(client, key).get("/v1/whoami").json()["csrf_token"]
    assert client.post("/v1/runs", json=REQUEST, headers={"X-CSRF-Token": token}).status_code == 202
    strange = {"X-CSRF-Token": token, "Origin": "https://evil.example"}
    assert client.post("/v1/runs", json=REQUEST, headers=strange).status_code == 403
    signed_in(client, made(database, Scope.SUBMIT))
    assert client.post("/v1/runs", json=REQUEST, headers={"X-CSRF-Token": token}).status_code == 403, "another session"


def test_a_key_in_the_header_needs_no_proof(client: TestClient, key: MadeKey) -> None:
    headers = bearer(key) | {"Origin": "https://elsewhere.example"}
    assert client.post("/v1/runs", json=REQUEST, headers=headers).status_code == 202


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(settings: Settings, key: MadeKey) -> None:
    with opened(guarded(settings, url="https://bench.example")) as client:
        form = {"key": f" {key.key.text}\n", "next": "/alerts?x=1"}
        answer = client.post("/sign-in", data=form, headers={"Origin": "https://bench.example"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/alerts?x=1")
    name, _, rest = answer.headers["Set-Cookie"].partition("=")
    value, *attributes = rest.split("; ")
    assert name == COOKIE
    assert {"HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200", "Secure"} == set(attributes)
    assert key.key.text not in answer.headers["Set-Cookie"]
    assert len(value) >= 40


def test_on_plain_http_the_cookie_is_sent_all_the_same(settings: Settings, key: MadeKey) -> None:
    with opened(guarded(settings)) as client:
        answer = client.post("/sign-in", data={"key": key.key.text}, headers=OWN_ORIGIN)
        assert "Secure" not in answer.headers["Set-Cookie"]


def test_behind_a_prefix_the_cookie_stays_there_and_people_come_back(settings: Settings, key: MadeKey) -> None:
    with TestClient(guarded(settings), root_path="/bench", follow_redirects=False) as client:
        asked = client.get("/experiments?cursor=1")
        assert asked.headers["Location"] == "/bench/sign-in?next=%2Fexperiments%3Fcursor%3D1"
        answer = client.post("/sign-in", data={"key": key.key.text, "next": "/experiments"}, headers=OWN_ORIGIN)
        assert "Path=/bench/;" in answer.headers["Set-Cookie"]
        assert answer.headers["Location"] == "/bench/experiments"


def test_people_are_sent_to_sign_in_and_scripts_are_told(client: TestClient) -> None:
    navigating = {"Sec-Fetch-Mode": "navigate"}
    assert client.get("/", headers=navigating).headers["Location"] == "/sign-in?next=%2F"
    assert client.get("/v1/runs", headers={"Accept": "text/html,*/*"}).status_code == 303
    assert client.get("/", headers={"Sec-Fetch-Mode": "cors"}).status_code == 401, "or a page would think it is there"
    assert client.get("/v1/runs").status_code == 401
    assert client.post("/sign-out", headers=navigating).status_code == 401


def test_the_page_says_who_is_signed_in_until_they_sign_out(client: TestClient, key: MadeKey) -> None:
    page = signed_in(client, key).get("/")
    assert "Signed in as</span> Ada" in page.text
    assert "form-action 'self'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
    stolen = client.cookies[COOKIE]
    out = client.post("/sign-out", headers=OWN_ORIGIN)
    assert (out.status_code, out.headers["Location"], client.cookies.get(COOKIE)) == (303, "/sign-in", None)
    assert client.get("/v1/runs", headers={"Cookie": f"{COOKIE}={stolen}"}).status_code == 401


def test_revoking_a_key_signs_its_people_out(client: TestClient, key: MadeKey, database: Database) -> None:
    signed_in(client, key)
    with database.write() as session:
        keys.revoke(session, key.key.id, now(session))
    assert client.get("/").status_code == 303


def test_a_wrong_key_is_refused_on_the_page_and_not_shown_again(client: TestClient) -> None:
    answer = client.post("/sign-in", data={"key": "migperf_oops", "next": "/alerts"}, headers=OWN_ORIGIN)
    assert (answer.status_code, "migperf_oops" in answer.text) == (403, False)
    assert "none of this service&#39;s keys" in answer.text
    assert 'value="/alerts"' in answer.text
    assert client.post("/sign-in", content=b"\xff&&=%zz", headers=OWN_ORIGIN).status_code == 403


def test_after_a_link_from_elsewhere_the_page_asks_again_with_the_cookie(client: TestClient, key: MadeKey) -> None:
    """The browser keeps a strict cookie to itself when another site has led here: people would sign in for nothing."""
    came = client.get("/sign-in?next=/alerts", headers={"Sec-Fetch-Site": "cross-site"})
    assert 'http-equiv="refresh" content="0; url=/sign-in?next=/alerts"' in came.text
    again = client.get("/sign-in?next=/alerts", headers={"Sec-Fetch-Site": "same-origin"})
    assert "http-equiv" not in again.text
    assert signed_in(client, key).get("/sign-in?next=/alerts").headers["Location"] == "/alerts"


ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil",
    "/\t/evil",
    "javascript:0",
    "",
    " /",
]


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_nobody_is_led_elsewhere(client: TestClient, key: MadeKey, wanted: str) -> None:
    answer = client.post("/sign-in", data={"key": key.key.text, "next": wanted}, headers=OWN_ORIGIN)
    assert answer.headers["Location"] == "/"


@given(st.text("/\\.:@ \t\nabé%?#", max_size=12))
def test_a_path_that_is_kept_begins_with_one_slash(text: str) -> None:
    kept = local_path(text)
    assert kept in ("/", text)
    assert kept[0] == "/"
    assert kept[1:2] not in ("/", "\\")
    assert kept.isascii()
    assert not set(kept) & set("\\ \t\n")
