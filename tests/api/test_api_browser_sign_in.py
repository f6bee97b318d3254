"""Signing in in a browser: what the pages' scripts ask for works by cookie, until people sign out."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI

from migperf.access.scope import Scope
from migperf.settings import Settings
from migperf.store import channels
from migperf.store.database import Database
from tests.api.browsing import in_browser
from tests.api.keyed import guarded, made, sign_in
from tests.api.serving import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = in_browser


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    """The application, which asks for keys."""
    return guarded(settings)


@pytest.fixture
def page(browser: "Browser", app: FastAPI) -> "Iterator[Page]":
    """A page of it. Without a prefix: a redirect does not come by the proxy of the other tests."""
    with served(app) as url:
        page = browser.new_page(base_url=url)
        page.set_default_timeout(20_000)
        yield page
        page.close()


def test_somebody_signs_in_presses_a_button_and_signs_out(page: "Page", database: Database) -> None:
    key = made(database, Scope.ADMIN, name="Ada")
    page.goto("/alerts")
    page.wait_for_url("**/sign-in?next=%2Falerts")
    assert page.evaluate("document.activeElement.id") == "key"
    page.fill("#key", "migperf_wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("#key-problem:has-text('none of this service')")
    sign_in(page, key)
    assert page.url.endswith("/alerts")
    assert "Signed in as Ada" in page.inner_text("header")
    page.check("input[name=kind][value=slack]")
    page.fill("#name", "team")
    page.fill("#slack-url", "https://hooks.slack.com/services/T0/B0/X")
    page.click("#add-channel")
    page.wait_for_selector("#told:has-text('team was added')")
    with database.read() as session:
        assert [row.name for row in channels.all_of(session)] == ["team"]
    page.click("header button:has-text('Sign out')")
    page.wait_for_url("**/sign-in")
    assert page.context.cookies() == []
    page.goto("/alerts")
    page.wait_for_url("**/sign-in?next=%2Falerts")
