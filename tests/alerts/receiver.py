"""A program that takes webhooks, for tests: a real HTTP server that remembers what it was sent and answers as told."""

import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """A request: header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A running receiver."""

    port: int = 0
    statuses: list[int] = field(default_factory=list)
    """What the next requests are answered with; 200 when there are none left. 0: the connection is dropped."""
    headers: dict[str, str] = field(default_factory=dict)
    """Of its answers."""
    answer: bytes = b"thanks"
    received: list[Received] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    """While it is not set, nothing is answered."""

    @property
    def url(self) -> str:
        """Where it takes requests."""
        return f"http://127.0.0.1:{self.port}/hook"


@contextmanager
def receiver(*statuses: int, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Run a receiver that answers with these statuses first."""
    told = Receiver(statuses=list(statuses))
    told.held.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            _answer(self, told)

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign] - clients that hang up are what tests want
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    told.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield told
    finally:
        told.held.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(request: BaseHTTPRequestHandler, told: Receiver) -> None:
    body = request.rfile.read(int(request.headers["Content-Length"]))
    headers = {name.lower(): value for name, value in request.headers.items()}
    told.received.append(Received(request.path, headers, body))
    status = told.statuses.pop(0) if told.statuses else 200
    told.held.wait(20)
    if status == 0:
        request.connection.close()
        return
    request.send_response(status)
    for name, value in told.headers.items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(told.answer)))
    request.end_headers()
    request.wfile.write(told.answer)


def ids(requests: Sequence[Received]) -> list[str]:
    """Return the ids of the messages, in the order in which they came."""
    return [request.headers["webhook-id"] for request in requests]
