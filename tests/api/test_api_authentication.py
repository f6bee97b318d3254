"""With authentication required nobody gets in without a key, and nobody does what their key's scopes do not allow."""

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.access_description import scopes_of_route
from api.app import create_app
from api.failed_attempts import LIMIT, MOST_REMEMBERED, WINDOW_S, FailedAttempts
from migperf.access.scope import Scope
from migperf.errors import ConfigurationError
from migperf.settings import Settings, load_settings
from migperf.store import keys
from migperf.store.database import Database, now
from tests.api.keyed import COOKIE, bearer, guarded, made, opened
from tests.api.serving import TestClient
from tests.api.steps import REQUEST, both_databases
from tests.databases import migrated_sqlite

NOT_DECLARING = {"/v1/openapi.json", "/static"}
"""What FastAPI and Starlette serve by themselves: the first needs a key, of the files everybody may have a look."""
OPEN = {"/v1/health", "/v1/ready", "/problems/{slug}", "/sign-in"}
CHANGES_NOTHING = {
    "/v1/benchmark",
    "/v1/experiments/plan",
    "/v1/runs/preview",
    "/v1/schedules/preview",
    "/v1/advice",
    "/v1/layouts/check",
    "/advisor",
    "/sign-out",
}
"""Routes of POST that only read, or end the caller's own session."""


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    """The application, which asks for keys."""
    return guarded(settings)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """Somebody without a key."""
    with opened(app) as client:
        yield client


def routes(app: FastAPI) -> list[tuple[str, str, list[Scope | None]]]:
    return [
        (method, str(context.path), scopes_of_route(context))
        for context in iter_route_contexts(app.routes)
        for method in context.methods or ("GET",)
    ]


def test_every_route_declares_what_it_needs(app: FastAPI) -> None:
    """A new route that forgets to would be open to every key."""
    found = routes(app)
    assert {path for _, path, scopes in found if not scopes} == NOT_DECLARING
    assert {path for _, path, scopes in found if scopes == [None]} == OPEN
    weak = {path for method, path, scopes in found if method not in ("GET", "HEAD") and scopes == [Scope.READ]}
    assert weak == CHANGES_NOTHING, "whoever may only read must change nothing"


def test_without_a_key_every_path_is_closed_but_those_that_are_open(app: FastAPI, client: TestClient) -> None:
    for method, path, scopes in routes(app):
        filled = (
            path.replace("{name:path}", "x").replace("{", "").replace("}", "").replace("/static", "/static/style.css")
        )
        answer = client.request(method, filled, headers={"Accept": "application/json"})
        if path in OPEN or path == "/static":
            assert answer.status_code not in (401, 303), path
        elif path.startswith(("/v1/", "/metrics")) or method == "POST":
            assert answer.status_code == 401, path
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="migperf"'
            if method != "HEAD":
                assert answer.headers["Content-Type"] == "application/problem+json"
                assert answer.json()["type"] == "/problems/unauthenticated"
        else:
            assert answer.status_code == 303, path
            assert scopes == [Scope.ADMIN if path == "/keys" else Scope.READ]


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1//runs", "/v1/health/", "/%2e/v1/runs", "/v1%2fhealth/x"])
def test_what_is_not_there_tells_a_stranger_nothing(client: TestClient, path: str) -> None:
    assert client.get(path).status_code in (303, 401)


@both_databases
def test_a_key_opens_what_its_scopes_allow_and_no_more(settings: Settings, database: Database) -> None:
    reader, submitter, operator, admin = (made(database, scope) for scope in Scope)
    with opened(guarded(settings)) as client:
        for key in (reader, submitter, operator, admin):
            assert client.get("/v1/runs", headers=bearer(key)).status_code == 200
        answers = [client.post("/v1/runs", json=REQUEST, headers=bearer(key)) for key in (reader, operator)]
        assert [answer.status_code for answer in answers] == [403, 403]
        assert answers[0].json()["type"] == "/problems/missing-scope"
        assert "needs the scope submit (submit and cancel runs" in answers[0].json()["detail"]
        assert f"the key 'ci' ({reader.key.id}) has read" in answers[0].json()["detail"]
        run = client.post("/v1/runs", json=REQUEST, headers=bearer(submitter))
        assert run.status_code == 202
        assert client.delete(run.json()["url"], headers=bearer(submitter)).status_code == 403
        assert client.post(f"{run.json()['url']}/cancel", headers=bearer(admin)).status_code == 202
        assert client.delete(run.json()["url"], headers=bearer(admin)).status_code == 204
        layout = "/v1/gpus/GPU-1/layout"
        assert client.put(layout, json={"layout": "7g.80gb"}, headers=bearer(submitter)).status_code == 403
        assert client.put(layout, json={"layout": "7g.80gb"}, headers=bearer(operator)).status_code == 404


def test_a_revoked_key_is_out_at_once(client: TestClient, database: Database) -> None:
    key = made(database, Scope.READ)
    assert client.get("/v1/runs", headers=bearer(key)).status_code == 200
    with database.write() as session:
        keys.revoke(session, key.key.id, now(session))
    answer = client.get("/v1/runs", headers=bearer(key))
    assert (answer.status_code, "was revoked" in answer.json()["detail"]) == (401, True)


def test_the_scheme_may_be_written_in_any_case_and_a_bad_header_is_not_made_good_by_a_cookie(
    client: TestClient, database: Database
) -> None:
    key = made(database, Scope.READ)
    assert client.get("/v1/runs", headers={"Authorization": f"bEaReR  {key.key.text} "}).status_code == 200
    assert client.get("/v1/runs", headers={"Authorization": f"Basic {key.key.text}"}).status_code == 401
    client.post("/sign-in", data={"key": key.key.text}, headers={"Origin": "http://testserver"})
    assert client.get("/v1/runs").status_code == 200
    assert client.get("/v1/runs", headers={"Authorization": "Bearer nothing"}).status_code == 401


def test_the_use_of_a_key_is_written_down(client: TestClient, database: Database) -> None:
    key = made(database, Scope.ADMIN)
    client.get("/v1/runs", headers=bearer(key))
    (listed,) = client.get("/v1/keys", headers=bearer(key)).json()["items"]
    assert listed["last_used_at"] is not None


def test_a_body_of_a_stranger_is_not_read(client: TestClient) -> None:
    """Whoever has no key shall not have the service parse anything."""
    answer = client.post("/v1/experiments", content=b"{", headers={"Content-Type": "application/yaml"})
    assert answer.status_code == 401


def test_metrics_need_a_key_unless_the_settings_open_them(settings: Settings, database: Database) -> None:
    with opened(guarded(settings)) as client:
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers=bearer(made(database, Scope.READ))).status_code == 200
    with opened(guarded(settings, metrics_open=True)) as client:
        assert client.get("/metrics").status_code == 200
        assert client.get("/v1/runs").status_code == 401


def test_streams_and_downloads_open_with_the_cookie(client: TestClient, database: Database) -> None:
    """A browser's EventSource and its links send no header of ours."""
    key = made(database, Scope.SUBMIT)
    run = client.post("/v1/runs", json=REQUEST, headers=bearer(key)).json()
    client.post(f"{run['url']}/cancel", headers=bearer(key))
    assert client.get(f"{run['url']}/events").status_code == 401
    client.post("/sign-in", data={"key": key.key.text}, headers={"Origin": "http://testserver"})
    assert "event: end" in client.get(f"{run['url']}/events").text
    assert client.get(run["page"]).status_code == 200
    assert client.get(f"{run['url']}/samples").headers["Content-Type"].startswith("text/csv")


def test_failures_are_logged_without_the_secret_and_then_no_more_are_looked_at(
    client: TestClient, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    good = made(database, Scope.READ)
    assert client.get("/v1/runs", headers=bearer(good)).status_code == 200
    wrong = f"migperf_{good.key.id}_{'5' * 48}"
    with caplog.at_level(logging.WARNING):
        answers = [client.get("/v1/runs", headers={"Authorization": f"Bearer {wrong}"}) for _ in range(LIMIT + 1)]
    assert [answer.status_code for answer in answers] == [401] * LIMIT + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= WINDOW_S
    assert answers[-1].json()["type"] == "/problems/too-many-attempts"
    assert "refused a key from testclient" in caplog.text
    assert "5555" not in caplog.text
    assert client.get("/v1/runs", headers=bearer(good)).status_code == 200, "a neighbour's failures shut nobody out"
    assert client.get("/v1/runs", headers=bearer(made(database, Scope.READ))).status_code == 429


def test_failures_are_forgotten_after_a_while_and_memory_has_an_end() -> None:
    time_s = [0.0]
    attempts = FailedAttempts(lambda: time_s[0])
    assert [attempts.failed("192.0.2.1") for _ in range(LIMIT)] == [False] * (LIMIT - 1) + [True]
    assert attempts.wait_s("192.0.2.1", "d") == WINDOW_S
    assert attempts.wait_s("192.0.2.2", "d") == 0
    time_s[0] = WINDOW_S
    assert attempts.wait_s("192.0.2.1", "d") == 0
    assert not attempts.failed("192.0.2.1")
    for number in range(MOST_REMEMBERED + 5):
        attempts.failed(f"host-{number}")
    assert len(attempts._failures) == MOST_REMEMBERED


def test_the_addresses_that_one_host_has_of_ipv6_count_as_one() -> None:
    attempts = FailedAttempts(lambda: 0.0)
    for number in range(LIMIT):
        attempts.failed(f"2001:db8::{number:x}")
    assert attempts.wait_s("2001:db8::ffff", "d") > 0
    assert attempts.wait_s("2001:db8:0:1::1", "d") == 0


@pytest.mark.parametrize(
    ("host", "authentication", "refused"),
    [
        ("127.0.0.1", None, False),
        ("::1", None, False),
        ("localhost", None, False),
        ("0.0.0.0", None, True),  # noqa: S104 - refused
        ("bench.example", None, True),
        ("0.0.0.0", "off", False),  # noqa: S104 - nothing listens
        ("0.0.0.0", "required", False),  # noqa: S104 - nothing listens
    ],
)
def test_other_hosts_reach_a_service_without_keys_only_if_somebody_says_so(
    database_url: str, tmp_path: Path, host: str, authentication: str | None, *, refused: bool
) -> None:
    given = load_settings(data_dir=tmp_path, database_url=database_url, host=host, authentication=authentication)
    if not refused:
        with TestClient(create_app(given)) as client:
            assert client.get("/v1/health").status_code == 200
        return
    with pytest.raises(ConfigurationError, match="MIGPERF_AUTHENTICATION=off"), TestClient(create_app(given)):
        pass


def test_without_authentication_everybody_may_do_everything(settings: Settings) -> None:
    with opened(create_app(settings)) as client:
        told = client.get("/v1/whoami", headers={"Authorization": "Bearer whatever"}).json()
        assert (told["authentication"], told["scopes"]) == ("off", ["read", "submit", "operate", "admin"])
        assert client.get("/sign-in").headers["Location"] == "/"


@pytest.fixture(scope="module")
def one_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of one application for all examples, in whose database there is a key."""
    folder = tmp_path_factory.mktemp("strangers")
    given = load_settings(data_dir=folder, database_url=migrated_sqlite(folder))
    database = Database(given.sqlalchemy_url)
    made(database, Scope.ADMIN)
    app = guarded(given)
    app.state.failed_attempts = FailedAttempts(itertools.count(0.0, 2 * WINDOW_S).__next__)  # so that all are looked at
    with opened(app) as client:
        yield client
    database.close()


LATIN = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=200)
NEAR = st.from_regex(r"(Bearer|bearer|Basic) +migperf_[0-9a-f]{12}_[0-9a-f]{46,50}", fullmatch=True)


@pytest.mark.no_cover
@given(LATIN | NEAR | st.builds("Bearer {}".format, LATIN), LATIN)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_gets_in_and_none_makes_the_service_fail(one_client: TestClient, header: str, cookie: str) -> None:
    sent = {"Authorization": header.encode("latin-1"), "Cookie": f"{COOKIE}={cookie}".encode("latin-1")}
    key, session = ({name: sent[name]} for name in sent)
    assert one_client.get("/v1/runs", headers=key).status_code == 401
    assert one_client.get("/v1/runs", headers=session).status_code == 401
    assert one_client.post("/v1/runs", json=REQUEST, headers=sent).status_code == 401
