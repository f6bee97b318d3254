"""API keys in a browser: made and shown once, copied, used, and revoked."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from migperf.access.scope import Scope
from migperf.settings import Settings
from migperf.store import keys
from migperf.store.database import Database
from tests.api.browsing import in_browser
from tests.api.keyed import guarded, made, sign_in
from tests.api.serving import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = in_browser


@pytest.fixture
def page(browser: "Browser", settings: Settings, database: Database) -> "Iterator[Page]":
    """The page of keys, where an administrator has signed in; its console must stay empty."""
    key = made(database, Scope.ADMIN, name="Ada")
    with served(guarded(settings)) as url:
        page = browser.new_page(base_url=url)
        page.set_default_timeout(20_000)
        page.goto("/sign-in?next=/keys")
        sign_in(page, key)
        told: list[str] = []
        # Chromium itself notes each answer that refuses something.
        page.on("console", lambda message: told.append(message.text) if "422" not in message.text else None)
        page.on("pageerror", lambda error: told.append(str(error)))
        yield page
        page.close()
        assert told == []


def test_a_key_is_made_shown_once_used_and_revoked(page: "Page", database: Database) -> None:
    page.fill("#name", "ci")
    page.uncheck("[name=scope][value=read]")
    page.check("[name=scope][value=submit]")
    page.click("#make-key")
    page.wait_for_selector("#made:focus")
    text = page.inner_text("#made [data-fact=key]")
    page.wait_for_selector("#keys tr[data-name=ci]:has-text('submit')")
    with database.read() as session:
        [row] = [row for row in keys.all_of(session) if row.name == "ci"]
    assert text.startswith(f"migperf_{row.id}_")
    assert row.expires_at is not None, "in 90 days, unless somebody says otherwise"
    who = page.request.get("/v1/whoami", headers={"Authorization": f"Bearer {text}"})
    assert who.json()["scopes"] == ["read", "submit"]
    page.click("[data-action=copy]")
    page.wait_for_selector("[data-fact=copied]:has-text('C')")
    page.reload()
    assert text not in page.content()
    page.click("tr[data-name=ci] [data-action=revoke]")
    page.click("#revoking [data-answer=no]")
    assert page.locator("tr[data-name=ci]:has-text('active')").count() == 1
    page.click("tr[data-name=ci] [data-action=revoke]")
    page.click("#revoking [data-answer=yes]")
    page.wait_for_selector("tr[data-name=ci]:has-text('revoked')")
    who = page.request.get("/v1/whoami", headers={"Authorization": f"Bearer {text}"})
    assert who.status == 401


def test_what_is_wrong_is_said_at_its_field(page: "Page", database: Database) -> None:
    page.uncheck("[name=scope][value=read]")
    with page.expect_response("**/v1/keys") as answered:
        page.click("#make-key")
    assert answered.value.status == 422
    page.wait_for_selector("#name-problem:not(:empty)")
    page.wait_for_selector("#scopes-problem:not(:empty)")
    assert page.evaluate("document.activeElement.id") == "name"
    with database.read() as session:
        assert len(keys.all_of(session)) == 1


def test_what_was_typed_stays_where_a_button_is_pressed_before_the_script_has_come(page: "Page") -> None:
    page.route("**/static/keys.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page.goto("/keys")
    page.fill("#name", "ci")
    page.click("#make-key")
    assert page.evaluate("new Promise((resolve) => setTimeout(() => resolve(location.search), 100))") == ""
    assert page.input_value("#name") == "ci"
