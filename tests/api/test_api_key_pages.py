"""The page of API keys: for administrators, without secrets, with what to do where nobody is asked for a key."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from migperf.access.scope import Scope
from migperf.settings import Settings
from migperf.store import keys
from migperf.store.database import Database, now
from tests.api.keyed import guarded, made, opened, signed_in
from tests.api.serving import TestClient
from tests.api.steps import both_databases
from tests.api.test_api_schedule_pages import check_page, page_of, text_of


@pytest.fixture
def guarded_app(settings: Settings) -> FastAPI:
    """The application, which asks for keys."""
    return guarded(settings)


@pytest.fixture
def visitor(guarded_app: FastAPI) -> Iterator[TestClient]:
    """Somebody who has not signed in to it yet."""
    with opened(guarded_app) as client:
        yield client


@both_databases
def test_administrators_see_all_keys_and_what_scopes_allow(visitor: TestClient, database: Database) -> None:
    gone, own = made(database, Scope.SUBMIT, name="<ci>"), made(database, Scope.ADMIN, name="Ada")
    with database.write() as session:
        keys.revoke(session, gone.row.id, now(session))
    page = page_of(signed_in(visitor, own), "/keys")
    [first, second] = [text_of(row) for row in rows_of_keys(page)]
    assert first.startswith(f"Ada yours {own.row.id} admin active")
    assert first.endswith("Revoke …")
    assert second.startswith(f"<ci> {gone.row.id} submit revoked")
    assert not second.endswith("Revoke …"), "that is over"
    for secret in (own.key.text, own.key.digest, gone.key.text):
        assert secret not in page
    for scope in Scope:
        assert f"{scope} {scope.meaning}" in text_of(page)
    assert 'href="/keys"' in page


def rows_of_keys(page: str) -> list[str]:
    """Return the rows of the table; they have attributes of their own."""
    return page.split("<tbody>")[1].split("</tbody>", maxsplit=1)[0].split("</tr>")[:-1]


@pytest.mark.parametrize("scope", [Scope.READ, Scope.SUBMIT, Scope.OPERATE])
def test_nobody_else_sees_the_page_or_a_link_to_it(visitor: TestClient, database: Database, scope: Scope) -> None:
    client = signed_in(visitor, made(database, scope))
    answer = client.get("/keys", headers={"Accept": "text/html"})
    assert answer.status_code == 403
    page = text_of(answer.text)
    assert "This needs the scope admin" in page
    assert "ask whoever runs this service" in page
    assert client.get("/v1/keys").json()["type"] == "/problems/missing-scope", "programs get a problem document"
    assert 'href="/keys"' not in page_of(client, "/runs")


def test_where_nobody_is_asked_the_page_says_how_that_is_changed(client: TestClient) -> None:
    page = page_of(client, "/keys")
    assert "MIGPERF_AUTHENTICATION=required" in page
    assert "There is no key yet." in page
    assert "make-key" not in page, "the service would refuse it"
    check_page(client, "/keys")
