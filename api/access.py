"""Middleware that lets nobody in whom it does not know: before a body is read, and before there is a route."""

import logging
import math
from urllib.parse import urlencode

from fastapi.responses import RedirectResponse
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api import identifying, refusals
from api.asker import Asker, is_for_programs
from api.caller import SESSION_COOKIE, Caller
from api.errors import CrossOriginError, TooManyAttemptsError, UnauthenticatedError
from api.failed_attempts import FailedAttempts
from api.links import Links
from api.open_paths import SIGN_IN, is_open, path_of
from api.same_origin import is_genuine
from migperf.access.api_key import digest_of
from migperf.settings import Settings
from migperf.store.database import Database

_log = logging.getLogger(__name__)


class AccessMiddleware:
    """Finds out who sends each request; without a good key or session it goes no further, open paths apart."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or is_open(scope, self._settings):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        answer: Response | None = None
        try:
            request.state.caller = await self._caller(request)
        except (UnauthenticatedError, CrossOriginError, TooManyAttemptsError) as error:
            answer = to_sign_in(request) if _can_sign_in(request) else await refusals.refuse_access(request, error)
        except (OperationalError, PoolTimeoutError) as error:
            answer = await refusals.refuse_for_now(request, error)
        await (answer or self._app)(scope, receive, send)

    async def _caller(self, request: Request) -> Caller:
        """Return who sends the request. Raises UnauthenticatedError, CrossOriginError and TooManyAttemptsError."""
        if (given := request.headers.get("authorization")) is not None:
            scheme, _, key = given.partition(" ")
            return await checked_key(request, key.strip() if scheme.lower() == "bearer" else "")
        caller = await session_of(request)
        if caller is None:
            raise UnauthenticatedError
        if not is_genuine(request, caller, self._settings):
            raise CrossOriginError
        return caller


async def session_of(request: Request) -> Caller | None:
    """Return who has signed in to the session that the browser is in; None if nobody has, or it is over."""
    session_id = request.cookies.get(SESSION_COOKIE)
    if not session_id:
        return None
    database: Database = request.app.state.database
    return await run_in_threadpool(identifying.by_session, database, session_id)


async def checked_key(request: Request, text: str) -> Caller:
    """Return whose key a text is. Raises UnauthenticatedError, and TooManyAttemptsError after many failures."""
    attempts: FailedAttempts = request.app.state.failed_attempts
    address = address_of(request)
    digest = digest_of(text)
    if (wait_s := attempts.wait_s(address, digest)) > 0:
        raise TooManyAttemptsError(math.ceil(wait_s))
    caller = await run_in_threadpool(identifying.by_key, request.app.state.database, text)
    if caller is None:
        more = "; no more from there are looked at for a while" if attempts.failed(address) else ""
        _log.warning("refused a key from %s at %r%s", address, request.scope["path"], more)
        raise UnauthenticatedError(given=True)
    attempts.succeeded(address, digest)
    return caller


def address_of(request: Request) -> str:
    """Return where a request comes from, as far as the server knows."""
    return request.client.host if request.client else "an unknown address"


def to_sign_in(request: Request) -> Response:
    """Send a person to the sign-in page, and from there back to where they wanted to go."""
    query = request.scope["query_string"].decode("latin-1")
    wanted = path_of(request.scope) + (f"?{query}" if query else "")
    page = Links(request.scope.get("root_path", "")).to(SIGN_IN)
    return RedirectResponse(f"{page}?{urlencode({'next': wanted})}", status_code=303)


def _can_sign_in(request: Request) -> bool:
    """Tell whether a person waits, also for a document; of who does not show it, by what is asked for."""
    asker = Asker.of(request)
    return asker is Asker.PERSON or (asker is Asker.UNKNOWN and not is_for_programs(request))
