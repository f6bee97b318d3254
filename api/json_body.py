"""Reading JSON bodies strictly: what is not JSON, or could not be stored as text, is refused with its position."""

import json
import math
import re
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import JsonValue

from api.errors import MalformedJsonError, NotJsonError

MAX_DEPTH = 64
MAX_DIGITS = 309
"""As many as the largest float has."""


class JsonRoute(APIRoute):
    """A route whose body, if it has one, is read by :func:`parse`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler so that it finds the body parsed."""
        handler = super().get_route_handler()
        if self.body_field is None:
            return handler

        async def read_body_first(request: Request) -> Response:
            strict = JsonRequest(request.scope, request.receive)
            await strict.json()
            return await handler(strict)

        return read_body_first


class JsonRequest(Request):
    """A request whose body must be JSON."""

    async def json(self) -> JsonValue:
        """Return the body. Raises NotJsonError and MalformedJsonError."""
        if not hasattr(self, "_json"):
            media_type = media_type_of(self)
            if not re.fullmatch(r"application/([^/]+\+)?json", media_type):
                raise NotJsonError(f"of type {media_type}" if media_type else "of no stated type")
            self.require_plain()
            self._json = parse(await self.body())
        body: JsonValue = self._json
        return body

    def require_plain(self) -> None:
        """Raise NotJsonError if the body is compressed."""
        encoding = self.headers.get("content-encoding", "identity")
        if encoding != "identity":
            raise NotJsonError(f"compressed ({encoding})")


def parse(body: bytes) -> JsonValue:
    """Return the document that the bytes hold. Raises MalformedJsonError saying where and why they hold none."""
    try:
        document: JsonValue = json.loads(
            body.decode(), parse_constant=_refuse_number, parse_float=_finite, parse_int=_bounded_integer
        )
    except json.JSONDecodeError as error:
        raise MalformedJsonError(f"{error.msg} at line {error.lineno}, column {error.colno}") from error
    except UnicodeDecodeError as error:
        raise MalformedJsonError(f"byte {error.start} is not UTF-8") from error
    except RecursionError as error:
        raise MalformedJsonError(_TOO_DEEP) from error
    check_content(document)
    return document


_TOO_DEEP = f"arrays and objects are nested more than {MAX_DEPTH} deep"


def media_type_of(request: Request) -> str:
    """Return the type of its body as the header says it, without parameters; empty where it says nothing."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _refuse_number(text: str) -> NoReturn:
    raise MalformedJsonError(f"{text} is no number that JSON can hold; leave the field out or give a finite number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        _refuse_number(text[:MAX_DIGITS])
    return number


def _bounded_integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise MalformedJsonError(f"an integer has more than {MAX_DIGITS} digits")
    return int(text)


def check_content(document: JsonValue) -> None:
    """Refuse nesting that later recursion could not follow, and text that PostgreSQL could not store."""
    level: list[JsonValue] = [document]
    for _ in range(MAX_DEPTH):
        for value in level:
            _check_text(value)
        level = [child for value in level for child in _children(value)]
        if not level:
            return
    raise MalformedJsonError(_TOO_DEEP)


def _children(value: JsonValue) -> list[JsonValue]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def _check_text(value: JsonValue) -> None:
    if not isinstance(value, str):
        return
    if "\0" in value:
        raise MalformedJsonError("a text contains the character U+0000, which cannot be stored")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise MalformedJsonError("a text contains half of a surrogate pair, which is no character")
