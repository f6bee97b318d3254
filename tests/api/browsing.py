"""Pages in a browser, behind a path prefix: what their scripts do, and what they must not.

Needs the extra `browser` and a Chromium of the system: pip install 'migperf[browser]'; apt install chromium.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI

from tests.api.serving import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PREFIX = "/bench"
ZONE = "America/St_Johns"
"""Where its readers are; 3 h 30 min behind UTC in winter."""

in_browser = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this host")]


@contextmanager
def launched() -> "Iterator[Browser]":
    """Start a browser without a window."""
    api = pytest.importorskip("playwright.sync_api", reason="the extra `browser` is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@contextmanager
def proxied(browser: "Browser", app: FastAPI) -> "Iterator[Page]":
    """Open a page of a service behind a proxy that puts a prefix before its paths; its scripts must not fail."""
    with served(app, root_path=PREFIX) as url:
        page = browser.new_page(base_url=url, timezone_id=ZONE)
        page.set_default_timeout(20_000)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))

        def through_proxy(route: "Route") -> None:
            assert route.request.url.startswith(f"{url}{PREFIX}/"), f"beside the prefix: {route.request.url}"
            route.continue_(url=route.request.url.replace(f"{url}{PREFIX}", url, 1))

        page.route("**/*", through_proxy)
        yield page
        page.close()
        assert errors == []


def opened(page: "Page", path: str) -> "Page":
    """Go to a page of the service."""
    page.goto(f"{PREFIX}{path}")
    return page
