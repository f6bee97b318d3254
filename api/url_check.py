"""Middleware that refuses URLs with the character U+0000: no name has it, and PostgreSQL cannot compare with it."""

from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import NulCharacterError
from api.problems import BAD_URL, problem_response


class UrlCheckMiddleware:
    """Answers 400 before anybody looks at the names in the URL."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and ("\0" in scope["path"] or b"%00" in scope["query_string"]):
            response = problem_response(BAD_URL, str(NulCharacterError()), scope["path"])
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)
