"""The sign-in page: from an API key to a session of a browser, and out of it again."""

import logging
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from api.access import address_of, checked_key, session_of
from api.caller import SESSION_COOKIE
from api.dependencies import AppDatabase, AppLinks, AppPages, AppSettings
from api.errors import CrossOriginError, TooManyAttemptsError, UnauthenticatedError
from api.local_path import local_path
from api.needs import OPEN, READ
from api.open_paths import SIGN_IN
from api.pages import HEADERS_WITH_FORM
from api.same_origin import is_same_origin
from migperf.settings import Settings
from migperf.store import keys, sessions
from migperf.store.database import Database, now

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
_log = logging.getLogger(__name__)

Next = Annotated[str, Query(alias="next", max_length=4000)]
_NOT_A_KEY = "That is none of this service's keys, or it has expired or was revoked."


@router.get(SIGN_IN, dependencies=[OPEN])
async def show_sign_in(
    request: Request, settings: AppSettings, links: AppLinks, pages: AppPages, wanted: Next = "/"
) -> Response:
    """Ask for a key; send on whoever has signed in already.

    After a link from another site the browser keeps the cookie to itself, once: so the page has it ask again.
    """
    path = local_path(wanted)
    if not settings.authenticates or await session_of(request) is not None:
        return RedirectResponse(links.to(path), status_code=303)
    again = request.headers.get("sec-fetch-site") == "cross-site"
    return pages.render("sign_in.html", links, headers=HEADERS_WITH_FORM, wanted=path, problem=None, asks_again=again)


@router.post(SIGN_IN, dependencies=[OPEN])
async def sign_in(
    request: Request, database: AppDatabase, settings: AppSettings, links: AppLinks, pages: AppPages
) -> Response:
    """Begin a session for the holder of a key, and go where they wanted to."""
    form = await _form(request)
    path = local_path(form.get("next", "/"))
    if not settings.authenticates:
        return RedirectResponse(links.to(path), status_code=303)
    try:
        if not is_same_origin(request, settings):
            raise CrossOriginError
        caller = await checked_key(request, form.get("key", "").strip())
        session_id = await run_in_threadpool(_begin, database, caller.key_id)
    except (UnauthenticatedError, CrossOriginError, TooManyAttemptsError) as error:
        problem = _NOT_A_KEY if isinstance(error, UnauthenticatedError) else str(error)
        status = 429 if isinstance(error, TooManyAttemptsError) else 403
        return pages.render(
            "sign_in.html",
            links,
            status,
            headers=HEADERS_WITH_FORM,
            wanted=path,
            problem=problem,
            asks_again=False,
        )
    _log.info("API key %s (%r) signed in from %s", caller.key_id, caller.name, address_of(request))
    answer = RedirectResponse(links.to(path), status_code=303)
    answer.set_cookie(
        SESSION_COOKIE,
        session_id,
        max_age=int(sessions.LASTS.total_seconds()),
        path=links.to("/"),
        secure=_is_secure(request, settings),
        httponly=True,
        samesite="strict",
    )
    return answer


@router.post("/sign-out", dependencies=[READ])
def sign_out(request: Request, database: AppDatabase, settings: AppSettings, links: AppLinks) -> Response:
    """End the session that the browser is in."""
    if session_id := request.cookies.get(SESSION_COOKIE):
        with database.write() as session:
            sessions.end(session, session_id)
    answer = RedirectResponse(links.to(SIGN_IN), status_code=303)
    answer.delete_cookie(
        SESSION_COOKIE, links.to("/"), secure=_is_secure(request, settings), httponly=True, samesite="strict"
    )
    return answer


def _begin(database: Database, key_id: str) -> str:
    with database.write() as session:
        return sessions.begin(session, keys.get(session, key_id), now(session))


async def _form(request: Request) -> dict[str, str]:
    """Return the fields that a browser sends as ``application/x-www-form-urlencoded``; what is none has no fields."""
    try:
        return dict(parse_qsl((await request.body()).decode(), max_num_fields=10))
    except ValueError:
        return {}


def _is_secure(request: Request, settings: Settings) -> bool:
    """Tell whether the browser speaks https with us, or with the proxy before us."""
    return request.scope["scheme"] == "https" or settings.url.startswith("https://")
