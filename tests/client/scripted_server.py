"""A real HTTP server that answers as a test lays out in advance, and keeps what it was asked."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Handler"], None]


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Script:
    """The answers that are still to be given, in order; the last one is given again and again."""

    answers: list[Answer]
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    def next(self) -> Answer:
        """Return the answer to give now."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Handler(BaseHTTPRequestHandler):
    """Gives the next answer to whatever is asked."""

    protocol_version = "HTTP/1.1"
    script: Script

    def answer(self) -> None:
        """Note the request and give the next answer."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.script.asked.append(Asked(self.command, self.path, headers, body))
        try:
            self.script.next()(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the names are the library's

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def scripted(*answers: Answer) -> Iterator[Script]:
    """Serve the answers on a free port."""
    script = Script(list(answers))
    handler = type("ScriptedHandler", (Handler,), {"script": script})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    script.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def document(body: Any, status: int = 200, kind: str = "application/json", **headers: str) -> Answer:
    """Answer with a document."""

    def answer(handler: Handler) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def problem(status: int, **body: Any) -> Answer:
    """Answer with a problem document."""
    return document({"status": status, **body}, status, "application/problem+json")


def hang_up(handler: Handler) -> None:
    """Close the connection without a word, the request having arrived."""
    handler.close_connection = True


def stream(*blocks: str, cut: bool = False, alive_for_s: float = 0.0) -> Answer:
    """Answer with server-sent events, then end the stream: properly, or cut off in the middle of a block.

    Before the end, send nothing but comments for some time.
    """

    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream; charset=utf-8")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        end = time.monotonic() + alive_for_s
        for block in blocks:
            _chunk(handler, f"{block}\n\n")
        while time.monotonic() < end:
            _chunk(handler, ": still here\n\n")
            time.sleep(0.02)
        if cut:
            _chunk(handler, "event: state\ndata: {")
            handler.close_connection = True
        else:
            handler.wfile.write(b"0\r\n\r\n")

    return answer


def event(name: str, data: Any, event_id: int | None = None) -> str:
    """Return one event as it is sent."""
    number = "" if event_id is None else f"\nid: {event_id}"
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}{number}"


def _chunk(handler: Handler, text: str) -> None:
    data = text.encode()
    handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
    handler.wfile.flush()
