"""Reading bodies that are files: YAML (RFC 9512) as a person keeps it, or the same as JSON."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import JsonValue

from api.errors import MalformedJsonError, MalformedYamlError
from api.json_body import JsonRequest, check_content, media_type_of
from migperf.strict_yaml import StrictYamlError, read_yaml

YAML = frozenset({"application/yaml", "application/x-yaml", "text/yaml"})
"""The registered type, and the two that programs sent before there was one."""
OPENAPI = {"requestBody": {"content": {"application/yaml": {"schema": {"type": "string"}}}}}
"""What such a route adds to the description of its body."""


class FileRoute(APIRoute):
    """A route whose body may be YAML besides JSON; both mean the same."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler so that it finds the body parsed."""
        handler = super().get_route_handler()
        if self.body_field is None:
            return handler

        async def read_body_first(request: Request) -> Response:
            given = FileRequest(request.scope, request.receive)
            await given.json()
            return await handler(given)

        return read_body_first


class FileRequest(JsonRequest):
    """A request whose body must be YAML or JSON."""

    async def json(self) -> JsonValue:
        """Return the body. Raises NotJsonError, MalformedJsonError and MalformedYamlError."""
        if not hasattr(self, "_json") and media_type_of(self) in YAML:
            self.require_plain()
            self._json = parse_yaml(await self.body())
            # FastAPI asks for the parsed body only where the header says JSON.
            others = [(name, value) for name, value in self.scope["headers"] if name != b"content-type"]
            self.scope = {**self.scope, "headers": [*others, (b"content-type", b"application/json")]}
            del self._headers
        return await super().json()


def parse_yaml(body: bytes) -> JsonValue:
    """Return the document that the bytes hold. Raises MalformedYamlError saying where and why they hold none."""
    try:
        document: Any = read_yaml(body.decode())
    except UnicodeDecodeError as error:
        raise MalformedYamlError(f"byte {error.start} is not UTF-8") from error
    except StrictYamlError as error:
        raise MalformedYamlError(str(error)) from error
    try:
        check_content(document)
    except MalformedJsonError as error:
        raise MalformedYamlError(str(error)) from error
    return document  # type: ignore[no-any-return]  # what YAML has beyond JSON is for the validation to refuse
