"""Telling requests of this service's own pages from those that another site had a browser send (CSRF).

A browser adds a session's cookie by itself; what it also adds by itself, and scripts cannot change, is where a request
comes from. ``Sec-Fetch-Site`` is sent to https and to this host, ``Origin`` with every unsafe request. Where neither
arrives, a token does, which only somebody who can read the service's answers knows.
"""

import hmac
from urllib.parse import urlsplit

from starlette.requests import Request

from api.caller import Caller
from migperf.settings import Settings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
TOKEN_HEADER = "X-CSRF-Token"  # noqa: S105 - the name of one


def is_same_origin(request: Request, settings: Settings) -> bool:
    """Tell whether the browser says that the request comes from a page of this service."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    own = f"{request.scope['scheme']}://{request.headers.get('host', '')}"
    return origin is not None and origin.lower() in (own.lower(), _origin(settings.api_url))


def is_genuine(request: Request, caller: Caller, settings: Settings) -> bool:
    """Tell whether a request in a session is what the caller wants, and not what another site wants of them."""
    if request.method in SAFE_METHODS or is_same_origin(request, settings):
        return True
    token = request.headers.get(TOKEN_HEADER, "")
    said_otherwise = "sec-fetch-site" in request.headers or "origin" in request.headers
    return not said_otherwise and hmac.compare_digest(token.encode(), (caller.csrf_token or "none").encode())


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
