"""API keys over REST: made, shown without their secret, revoked; by administrators alone."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from api.app import create_app
from migperf.access.api_key import ApiKey
from migperf.access.scope import Scope
from migperf.settings import Settings
from migperf.store import keys
from migperf.store.database import Database, now
from migperf.store.keys import MadeKey
from tests.api.keyed import bearer, guarded, made, opened
from tests.api.serving import TestClient
from tests.api.steps import both_databases


@pytest.fixture
def admin(database: Database) -> MadeKey:
    """The first key."""
    return made(database, Scope.ADMIN, name="root")


@pytest.fixture
def client(settings: Settings, admin: MadeKey) -> Iterator[TestClient]:
    """An administrator."""
    with opened(guarded(settings)) as client:
        client.headers.update(bearer(admin))
        yield client


@both_databases
def test_a_key_is_made_shown_once_and_revoked(client: TestClient) -> None:
    answer = client.post("/v1/keys", json={"name": " ci ", "scopes": ["submit", "read", "submit"]})
    assert answer.status_code == 201
    one = answer.json()
    key = ApiKey.parse(one.pop("key"))
    assert (one["id"], one["name"], one["scopes"], one["state"]) == (key.id, "ci", ["read", "submit"], "active")
    assert answer.headers["Location"] == one["url"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert client.get(one["url"]).json() == one
    assert [item["name"] for item in client.get("/v1/keys").json()["items"]] == ["ci", "root"]
    assert client.get("/v1/runs", headers={"Authorization": f"Bearer {key.text}"}).status_code == 200
    assert client.post(f"{one['url']}/revoke").json()["state"] == "revoked"
    assert client.post(f"{one['url']}/revoke").status_code == 200
    assert client.get("/v1/runs", headers={"Authorization": f"Bearer {key.text}"}).status_code == 401


@pytest.mark.parametrize("scope", [Scope.READ, Scope.SUBMIT, Scope.OPERATE])
def test_only_administrators_see_and_make_keys(client: TestClient, database: Database, scope: Scope) -> None:
    headers = bearer(made(database, scope))
    for answer in (
        client.get("/v1/keys", headers=headers),
        client.post("/v1/keys", json={"name": "x", "scopes": ["admin"]}, headers=headers),
        client.post("/v1/keys/0/revoke", headers=headers),
    ):
        assert answer.status_code == 403
        assert "needs the scope admin" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"scopes": ["read"]}, "name"),
        ({"name": " ", "scopes": ["read"]}, "name"),
        ({"name": "x", "scopes": []}, "scopes"),
        ({"name": "x", "scopes": ["fly"]}, "scopes.0"),
        ({"name": "x", "scopes": ["read"], "expires_at": "2027-01-01T00:00:00"}, "expires_at"),
        ({"name": "x", "scopes": ["read"], "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "x", "scopes": ["read"], "secret": "mine"}, "secret"),
    ],
)
def test_what_is_wrong_with_a_request_is_named(client: TestClient, document: dict[str, object], field: str) -> None:
    answer = client.post("/v1/keys", json=document)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert len(client.get("/v1/keys").json()["items"]) == 1


def test_a_key_that_has_expired_says_so(client: TestClient, database: Database) -> None:
    with database.write() as session:
        time = now(session)
        old = keys.add(session, "old", [Scope.READ], time - timedelta(days=2), time - timedelta(days=1))
    assert client.get(f"/v1/keys/{old.key.id}").json()["state"] == "expired"
    assert client.get("/v1/keys/none").status_code == 404


def test_whoami_tells_what_a_key_allows(client: TestClient, database: Database) -> None:
    key = made(database, Scope.OPERATE, name="cutter")
    told = client.get("/v1/whoami", headers=bearer(key)).json()
    assert (told["key_id"], told["name"], told["scopes"]) == (key.key.id, "cutter", ["read", "operate"])
    assert (told["session_expires_at"], told["csrf_token"]) == (None, None)


def test_without_authentication_no_key_is_handed_out_that_would_be_good_later(settings: Settings) -> None:
    with opened(create_app(settings)) as client:
        answer = client.post("/v1/keys", json={"name": "x", "scopes": ["admin"]})
        assert (answer.status_code, "migperf keys create" in answer.json()["detail"]) == (409, True)
        assert client.get("/v1/keys").json() == {"items": []}


def test_the_document_says_which_scope_each_operation_needs(client: TestClient) -> None:
    document = client.get("/v1/openapi.json").json()
    assert set(document["components"]["securitySchemes"]) == {"api_key", "session"}
    paths = document["paths"]
    assert paths["/v1/runs"]["get"]["security"] == [{"api_key": ["read"]}, {"session": ["read"]}]
    assert paths["/v1/runs"]["post"]["security"] == [{"api_key": ["submit"]}, {"session": ["submit"]}]
    assert paths["/v1/keys"]["get"]["security"] == [{"api_key": ["admin"]}, {"session": ["admin"]}]
    assert paths["/v1/health"]["get"]["security"] == []
    assert {"401", "403", "429"} <= set(paths["/v1/runs"]["post"]["responses"])
