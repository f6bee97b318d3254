"""Requests over HTTP: where the service is, when a request is sent again, and how failures become errors."""

import ipaddress
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ValidationError

import migperf
from migperf.access.api_key import ApiKey
from migperf.client.errors import ApiError, UnexpectedAnswerError, UnreachableError
from migperf.errors import ConfigurationError

CONNECT_TIMEOUT_S = 5.0
PAUSES_S = (0.1, 0.4)
"""How long to wait before a request is sent again; after the last try its error is raised."""

Answer = TypeVar("Answer", bound=BaseModel)
Query = Sequence[tuple[str, str]]


class Transport:
    """Sends requests to one service and turns whatever goes wrong into a MigperfClientError."""

    def __init__(self, url: str, timeout_s: float, api_key: ApiKey | None = None) -> None:
        self.url = _checked(url)
        authorization = {} if api_key is None else {"Authorization": f"Bearer {api_key.text}"}
        self._http = httpx.Client(
            base_url=self.url,
            timeout=httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S),
            headers={
                "User-Agent": f"migperf-client/{migperf.__version__}",
                "Accept": "application/json",
                **authorization,
            },
            trust_env=not _is_this_host(self.url),
        )

    @property
    def http(self) -> httpx.Client:
        """The connection pool, for streams."""
        return self._http

    def get(self, answer: type[Answer], path: str, query: Query = ()) -> Answer:
        """Return what is at the path."""
        return self.parse(answer, self.send("GET", path, params=list(query)))

    def parse(self, answer: type[Answer], response: httpx.Response) -> Answer:
        """Return the body of an answer as a model. Raises UnexpectedAnswerError."""
        try:
            return answer.model_validate_json(response.content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "body"
            raise UnexpectedAnswerError(str(response.request.url), f"{where}: {first['msg']}") from error

    def send(
        self,
        method: str,
        path: str,
        *,
        repeatable: bool = True,
        params: Query = (),
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request and return the answer, whose status is 2xx.

        When the connection breaks, a repeatable request is sent again; one that is not, only if it never arrived.
        Raises ApiError and UnreachableError.
        """
        request = self._http.build_request(method, path, params=list(params) or None, json=json, headers=headers)
        return self._sent(request, repeatable=repeatable)

    def send_file(self, path: str, text: str, media_type: str, params: Query = ()) -> httpx.Response:
        """Post the text of a file, again when the connection breaks, and return the answer; see ``send``."""
        headers = {"Content-Type": media_type}
        content = text.encode()
        request = self._http.build_request("POST", path, params=list(params) or None, content=content, headers=headers)
        return self._sent(request, repeatable=True)

    def _sent(self, request: httpx.Request, *, repeatable: bool) -> httpx.Response:
        broken: tuple[type[httpx.TransportError], ...] = (httpx.ConnectError,)
        if repeatable:
            broken = (httpx.NetworkError, httpx.RemoteProtocolError)
        for pause_s in (*PAUSES_S, None):
            try:
                return _checked_answer(self._http.send(request))
            except broken as error:
                if pause_s is None:
                    raise self.unreachable(error) from error
                time.sleep(pause_s)
            except httpx.TransportError as error:
                raise self.unreachable(error) from error
        raise AssertionError("the last try either returns or raises")

    @contextmanager
    def stream(self, path: str, query: Query = ()) -> Iterator[Iterator[bytes]]:
        """Give what is at the path, piece by piece as it arrives. Raises ApiError and UnreachableError."""
        try:
            with self._http.stream("GET", path, params=list(query) or None) as response:
                if not response.is_success:
                    response.read()
                    raise ApiError.of(response)
                yield response.iter_bytes()
        except httpx.TransportError as error:
            raise self.unreachable(error) from error

    def unreachable(self, error: httpx.TransportError) -> UnreachableError:
        """Return the error to raise when a request failed for good."""
        cause = str(error) or type(error).__name__
        return UnreachableError(self.url, f"timed out: {cause}" if isinstance(error, httpx.TimeoutException) else cause)

    def close(self) -> None:
        """Close every connection."""
        self._http.close()


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"{url!r} is not the URL of a service; one looks like http://127.0.0.1:8642")
    return url.rstrip("/")


def _checked_answer(response: httpx.Response) -> httpx.Response:
    if not response.is_success:
        raise ApiError.of(response)
    return response


def _is_this_host(url: str) -> bool:
    """Tell whether the URL names this host, which no proxy of the environment can reach for us."""
    host: Any = urlsplit(url).hostname
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return bool(host == "localhost")
