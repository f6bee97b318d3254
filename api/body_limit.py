"""Middleware that answers 413 to a body larger than the limit, announced or not, before it is read in full."""

import anyio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import BodyTooLargeError
from api.problems import BODY_TOO_LARGE, problem_response

LINGER_BYTES = 32 << 20
LINGER_S = 2.0


class BodyLimitMiddleware:
    """Reads the body of a request, up to the limit, before the application sees it."""

    def __init__(self, app: ASGIApp, limit_bytes: int) -> None:
        self._app = app
        self._limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        messages = await self._read(scope, receive)
        if messages is None:
            await self._refuse(scope, receive, send)
        else:
            await self._app(scope, _Replay(messages, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> list[Message] | None:
        """Return the messages that make up the body, None when it is too large."""
        if _announced_bytes(scope) > self._limit_bytes:
            return None
        messages, size = [], 0
        while True:
            message = await receive()
            messages.append(message)
            size += len(message.get("body", b""))
            if size > self._limit_bytes:
                return None
            if not message.get("more_body", False):
                return messages

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, then let the client finish sending: closing at once would destroy the answer on its way."""
        error = BodyTooLargeError(self._limit_bytes)
        response = problem_response(BODY_TOO_LARGE, str(error), scope["path"])
        response.headers["Connection"] = "close"
        await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
        await send({"type": "http.response.body", "body": response.body, "more_body": True})
        with anyio.move_on_after(LINGER_S):
            await _discard(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Replay:
    """Gives out messages that were received already, then those still to come."""

    def __init__(self, messages: list[Message], receive: Receive) -> None:
        self._messages = messages
        self._receive = receive

    async def __call__(self) -> Message:
        return self._messages.pop(0) if self._messages else await self._receive()


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or _announced_bytes(scope) > 0


def _announced_bytes(scope: Scope) -> int:
    """The Content-Length; 0 when it is missing. The server has refused a malformed one."""
    announced = Headers(scope=scope).get("content-length", "0")
    return int(announced) if announced.isdecimal() else 0


async def _discard(receive: Receive) -> None:
    discarded = 0
    while discarded < LINGER_BYTES:
        message = await receive()
        discarded += len(message.get("body", b""))
        if not message.get("more_body", False):
            return
