"""Talking to a server over HTTP: JSON both ways, straight to the address given, never more than is reasonable.

What a server says is not repeated in errors: a run's reason is shown to people who may not be allowed to read it.
"""

import json
from types import TracebackType
from typing import Self

import httpx
from pydantic import JsonValue

MOST_BYTES = 64 << 20
"""Of an answer."""


class ServerError(Exception):
    """A server answers, but not as its protocol says; the message names the URL and what to look at."""


class ServerGoneError(ServerError):
    """No connection to the server could be made."""


class Exchange:
    """A client of one server. Neither follows redirects nor asks the environment for proxies. For several threads."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url, self._timeout_s = url, timeout_s
        self._client = httpx.Client(timeout=timeout_s, trust_env=False, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def json(self, method: str, path: str, body: JsonValue = None) -> JsonValue:
        """Return the answer as JSON. Raises ServerGoneError and ServerError."""
        text = self.text(method, path, body)
        try:
            answer: JsonValue = json.loads(text)
        except ValueError as error:
            raise ServerError(f"{self._said(method, path)} answers with what is no JSON ({error})") from error
        return answer

    def text(self, method: str, path: str, body: JsonValue = None) -> str:
        """Return the answer as it is. Raises ServerGoneError and ServerError."""
        content = None if body is None else json.dumps(body, allow_nan=False, separators=(",", ":")).encode()
        headers = {} if content is None else {"content-type": "application/json"}
        try:
            with self._client.stream(method, self._url + path, content=content, headers=headers) as response:
                return self._read(response, method, path)
        except httpx.ConnectError as error:
            raise ServerGoneError(
                f"no server answers at {self._url} ({error}); start it, or correct the parameter url"
            ) from error
        except httpx.TimeoutException as error:
            raise ServerError(
                f"{self._said(method, path)} is silent for more than timeout_s = {self._timeout_s:g} s "
                f"({type(error).__name__}); look at the server, or raise the parameter timeout_s"
            ) from error
        except httpx.HTTPError as error:
            raise ServerError(f"{self._said(method, path)} breaks off: {type(error).__name__}: {error}") from error

    def _read(self, response: httpx.Response, method: str, path: str) -> str:
        if response.status_code != httpx.codes.OK:
            raise ServerError(
                f"{self._said(method, path)} answers with status {response.status_code} and not 200; check the "
                "parameters protocol and model, and the server's log"
            )
        content = bytearray()
        for part in response.iter_bytes():
            content += part
            if len(content) > MOST_BYTES:
                raise ServerError(f"{self._said(method, path)} answers with more than {MOST_BYTES >> 20} MiB")
        return content.decode(errors="replace")

    def _said(self, method: str, path: str) -> str:
        return f"{method} {self._url}{path}"
