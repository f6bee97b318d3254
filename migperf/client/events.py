"""Following a run by server-sent events, across dropped connections."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import httpx
from httpx_sse import ServerSentEvent, SSEError, connect_sse
from pydantic import BaseModel, ValidationError

from migperf.client.errors import ApiError, ServiceError, UnexpectedAnswerError, UnreachableError, WaitTimeoutError
from migperf.client.models import EndEvent, GoneEvent, PhaseEvent, ProgressEvent, RunEvent, RunView, StateEvent
from migperf.client.transport import Query, Transport

SILENCE_S = 60.0
"""The service sends a sign of life more often; a connection that is silent for longer is dead."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0

Model = TypeVar("Model", bound=BaseModel)
Event = TypeVar("Event")


@dataclass(frozen=True, slots=True)
class Followed:
    """What is followed: a run, and where its stream is."""

    run_id: str
    path: str
    query: Query = ()


class EventStream(Generic[Event]):
    """The events of one run until its end, as ``read`` makes them of messages. Use once, as an iterator.

    When the connection drops it connects again and goes on after the last event that has an id. It gives up when the
    service could not be reached for ``patience_s``, or when ``timeout_s`` is over.
    """

    def __init__(
        self,
        transport: Transport,
        followed: Followed,
        read: Callable[[ServerSentEvent], Event | None],
        patience_s: float,
        timeout_s: float | None,
    ) -> None:
        self._transport = transport
        self._followed = followed
        self._read = read
        self._patience_s = patience_s
        self._timeout_s = timeout_s
        self._deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self._last_id: str | None = None
        self._heard_at: float | None = None
        self._pause_s = FIRST_PAUSE_S

    def __iter__(self) -> Iterator[Event]:
        while True:
            failure: ServiceError | UnreachableError
            try:
                for event in self._connection():
                    yield event
                    if isinstance(event, EndEvent | GoneEvent):
                        return
                failure = UnreachableError(self._transport.url, "the stream of events ended early")
            except httpx.TransportError as error:
                failure = self._transport.unreachable(error)
            except ServiceError as error:
                failure = error
            self._pause_or_give_up(failure)

    def _connection(self) -> Iterator[Event]:
        """Connect once and yield events until the connection ends."""
        headers = {} if self._last_id is None else {"Last-Event-ID": self._last_id}
        with connect_sse(
            self._transport.http,
            "GET",
            self._followed.path,
            params=list(self._followed.query) or None,
            headers=headers,
            timeout=self._read_timeout(),
        ) as source:
            response = source.response
            if not response.is_success:
                response.read()
                raise ApiError.of(response)
            # Having been heard of at all, the service may be waited for; only what it says proves that it works.
            self._heard_at = self._heard_at or time.monotonic()
            response.stream = _Watched(response, self._heard)
            try:
                for message in source.iter_sse():
                    self._last_id = message.id or self._last_id
                    if (event := self._read(message)) is not None:
                        yield event
            except SSEError as error:
                raise UnexpectedAnswerError(str(response.request.url), str(error)) from error

    def _heard(self) -> None:
        """Note a sign of life. Raises WaitTimeoutError when time is up: comments alone must not keep a wait going."""
        self._heard_at = time.monotonic()
        self._pause_s = FIRST_PAUSE_S
        self._check_deadline()

    def _check_deadline(self) -> None:
        if self._timeout_s is not None and self._remaining_s() <= 0:
            raise WaitTimeoutError(self._followed.run_id, self._timeout_s)

    def _pause_or_give_up(self, failure: ServiceError | UnreachableError) -> None:
        self._check_deadline()
        # A service that was never heard of is not there; one that was, may be restarting.
        if self._heard_at is None or time.monotonic() - self._heard_at > self._patience_s:
            raise failure
        time.sleep(min(self._pause_s, self._remaining_s()))
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    def _remaining_s(self) -> float:
        return float("inf") if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def _read_timeout(self) -> httpx.Timeout:
        self._check_deadline()
        # Never 0, which would mean not to wait at all.
        read_s = max(0.01, min(SILENCE_S, self._remaining_s()))
        return httpx.Timeout(5.0, read=read_s)


def run_event(message: ServerSentEvent, run_id: str, url: str) -> RunEvent | None:
    """Return what a message of a run's stream tells; None for an event that this version does not know."""
    match message.event:
        case "state":
            return parsed(StateEvent, message, url)
        case "phase":
            return parsed(PhaseEvent, message, url)
        case "progress":
            return parsed(ProgressEvent, message, url)
    return end_of(message, run_id, url)


def end_of(message: ServerSentEvent, run_id: str, url: str) -> EndEvent | GoneEvent | None:
    """Return the last event of any stream of a run; None if the message is none."""
    match message.event:
        case "end":
            return EndEvent(run=parsed(RunView, message, url))
        case "gone":
            return GoneEvent(run_id=run_id)
    return None


def parsed(model: type[Model], message: ServerSentEvent, url: str) -> Model:
    """Return the data of a message as a model. Raises UnexpectedAnswerError."""
    try:
        return model.model_validate_json(message.data)
    except ValidationError as error:
        problem = f"event {message.event!r}: {error.errors()[0]['msg']}"
        raise UnexpectedAnswerError(url, problem) from error


class _Watched(httpx.SyncByteStream):
    """The body of a response; calls back for every piece that arrives, comments included."""

    def __init__(self, response: httpx.Response, on_piece: Callable[[], None]) -> None:
        stream = response.stream
        if not isinstance(stream, httpx.SyncByteStream):
            raise TypeError(f"{type(stream).__name__} is not the body of a synchronous response")
        self._stream = stream
        self._on_piece = on_piece

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            yield piece
            self._on_piece()

    def close(self) -> None:
        self._stream.close()
