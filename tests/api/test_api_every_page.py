"""Every page of a service in which there is nothing, and of one that asks for keys: valid, and fit for everybody."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI

from migperf.access.scope import Scope
from migperf.settings import Settings
from migperf.store.database import Database
from tests.api import browsing
from tests.api.accessibility import grave_faults
from tests.api.every_page import page_paths, without_contents
from tests.api.html_validity import faults
from tests.api.keyed import guarded, made, sign_in
from tests.api.serving import TestClient, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

AS_A_PAGE = {"Accept": "text/html"}
GUARDED = ("/", "/keys", "/alerts", "/regressions")
"""Pages that look different where somebody has signed in."""


@pytest.fixture
def guarded_page(browser: "Browser", settings: Settings, database: Database) -> "Iterator[Page]":
    """The sign-in page of a service that asks for keys; what is asked for is the key of an administrator."""
    with served(guarded(settings)) as url, browser.new_page(base_url=url) as page:
        page.goto("/sign-in?next=/keys")
        yield page


def test_every_page_of_an_empty_service_is_valid_html(app: FastAPI, client: TestClient) -> None:
    paths = without_contents(app)
    assert len(paths) == len(page_paths(app)) - 1, "all but the report, which is not there without an experiment"
    answers = {path: client.get(path, headers=AS_A_PAGE) for path in paths}
    assert {path: answer.status_code for path, answer in answers.items() if answer.status_code >= 500} == {}
    assert {path: found for path, answer in answers.items() if (found := faults(answer.text))} == {}


@pytest.mark.parametrize("wanted", ["what is not there", "a page that does not exist"])
def test_what_says_that_there_is_nothing_is_valid_html(client: TestClient, wanted: str) -> None:
    path = {"what is not there": "/runs/none", "a page that does not exist": "/no-page"}[wanted]
    answer = client.get(path, headers=AS_A_PAGE)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert faults(answer.text) == []


@pytest.mark.browser
@pytest.mark.skipif(browsing.CHROMIUM is None, reason="there is no Chromium on this host")
def test_every_page_of_an_empty_service_is_fit_for_everybody(page: "Page", app: FastAPI) -> None:
    found = {path: grave_faults(browsing.opened(page, path)) for path in without_contents(app) if path != "/sign-in"}
    assert {path: told for path, told in found.items() if told} == {}


@pytest.mark.browser
@pytest.mark.skipif(browsing.CHROMIUM is None, reason="there is no Chromium on this host")
def test_pages_for_who_has_signed_in_are_valid_and_fit_for_everybody(guarded_page: "Page", database: Database) -> None:
    key = made(database, Scope.ADMIN, name="Ada")
    made(database, Scope.READ, name="a dashboard")
    found = {"/sign-in": [*faults(guarded_page.content()), *grave_faults(guarded_page)]}
    sign_in(guarded_page, key)
    for path in GUARDED:
        answer = guarded_page.goto(path)
        assert answer is not None
        found[path] = [*faults(answer.text()), *grave_faults(guarded_page)]
    assert {path: told for path, told in found.items() if told} == {}


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ("<p><table></table></p>", "Unexpected end tag (p)"),
        ('<p id="a"></p><p id="a"></p>', "id 'a' is there 2 times"),
        ('<label for="a">A</label>', "for names 'a', which is nowhere"),
        ('<label for="a">A</label><p id="a"></p>', "labels a p"),
        ('<p role="status" aria-describedby="x">A</p>', "aria-describedby names 'x'"),
        ('<a href="#x">A</a>', "leads to '#x'"),
        ('<pre aria-label="A">A</pre>', "has a name but no role"),
        ('<img src="/static/icon.svg">', "has no alt"),
        ("<ul><p>A</p></ul>", "is in a ul"),
        ("<div><li>A</li></div>", "is in a div"),
        ("<span><div>A</div></span>", "is in a span"),
        ('<button><a href="/">A</a></button>', "is within a button"),
        ("<h3>A</h3>", "a heading of level 3 follows one of level 1"),
        ("<h1>A</h1>", "there are 2 elements h1, not one"),
        ('<time datetime="2026-03-02T09:15:00.123456+00:00">9:15</time>', "finer than a millisecond"),
        ('<input type="datetime-local" placeholder="" aria-label="A">', "have no placeholder"),
        ("<template><tr><td>A</template><template><p><li></p></template>", "in a template"),
    ],
)
def test_a_page_that_is_not_valid_is_seen(html: str, fault: str) -> None:
    page = '<!doctype html><html lang="en"><head><title>A</title></head><body><main><h1>A</h1>{}</main></body></html>'
    assert faults(page.format("")) == []
    assert [told for told in faults(page.format(html)) if fault in told] != []


@pytest.mark.browser
@pytest.mark.skipif(browsing.CHROMIUM is None, reason="there is no Chromium on this host")
def test_a_page_that_is_not_fit_for_everybody_is_seen(page: "Page") -> None:
    browsing.opened(page, "/runs").evaluate("document.querySelector('#workload').labels[0].remove()")
    page.evaluate("document.querySelector('h1').style.color = 'color-mix(in srgb, canvas 80%, canvastext)'")
    found = " ".join(grave_faults(page))
    assert "light: label (critical)" in found
    assert "light: color-contrast (serious)" in found
    assert "dark: color-contrast (serious)" in found
