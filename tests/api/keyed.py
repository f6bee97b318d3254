"""The application where authentication is required, and clients of it with keys."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI

from api.app import create_app
from api.dependencies import passes_of
from migperf.access.scope import Scope
from migperf.settings import Settings
from migperf.store import keys
from migperf.store.database import Database, now
from migperf.store.keys import MadeKey
from tests.api.serving import CountingPasses, TestClient

if TYPE_CHECKING:
    from playwright.sync_api import Page

COOKIE = "migperf_session"
OWN_ORIGIN = {"Origin": "http://testserver"}


def guarded(settings: Settings, **changes: object) -> FastAPI:
    """Return the application, which asks for keys."""
    app = create_app(settings.model_copy(update={"authentication": "required", **changes}))
    app.dependency_overrides[passes_of] = CountingPasses
    return app


def made(database: Database, *scopes: Scope, name: str = "ci") -> MadeKey:
    """Return a key that was just stored."""
    with database.write() as session:
        return keys.add(session, name, scopes, now(session))


def bearer(key: MadeKey) -> dict[str, str]:
    """Return the header that sends a key along."""
    return {"Authorization": f"Bearer {key.key.text}"}


@contextmanager
def opened(app: FastAPI) -> Iterator[TestClient]:
    """Give a client that has no key, follows no redirects, and gets answers where the application fails."""
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


def signed_in(client: TestClient, key: MadeKey) -> TestClient:
    """Sign the client in as a browser would be."""
    answer = client.post("/sign-in", data={"key": key.key.text}, headers=OWN_ORIGIN)
    assert answer.status_code == 303, answer.text
    return client


def sign_in(page: "Page", key: MadeKey) -> None:
    """Sign in on the page that asks for a key, and wait until the page that it leads to is loaded, scripts too."""
    page.fill("#key", key.key.text)
    # The address to return to is in that of the sign-in page, so a pattern of its end would match too early.
    with page.expect_navigation(url=lambda url: "/sign-in" not in url):
        page.keyboard.press("Enter")
