"""A real HTTP server in a thread that stands for a dcgm-exporter, and reading as a sampler does."""

import math
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from migperf.metrics.source import Source

PERIOD_S = 0.1
WAIT_S = 20.0


class Server(ThreadingHTTPServer):
    """Clients may go away before they have been answered."""

    def handle_error(self, *_: object) -> None:
        pass


class FakeExporter:
    """Answers with ``page``, as slowly and wrongly as the test wants."""

    def __init__(self) -> None:
        self.page = ""
        self.status = 200
        self.respond: Callable[[BaseHTTPRequestHandler], None] | None = None
        self.requests = 0
        self.headers: dict[str, str] = {}
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self.port = 0
        self.open()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/metrics"

    def open(self) -> None:
        """Begin to listen, on the same port as before."""
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                fake.requests += 1
                fake.headers = dict(self.headers)
                (fake.respond or fake.answer)(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(self.status)
        handler.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        handler.end_headers()
        handler.wfile.write(self.page.encode())

    def vanish(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def values(source: Source, row: object) -> dict[str, float]:
    return {metric.name: float(value) for metric, value in zip(source.metrics, row, strict=True)}


def read_until(source: Source, wanted: Callable[[dict[str, float]], bool]) -> dict[str, float]:
    """Read again and again, as a sampler does, until a row is as wanted."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        row = values(source, source.read(time.monotonic_ns()))
        if wanted(row):
            return row
        time.sleep(0.01)
    raise AssertionError("no such row came")


def next_page(source: Source) -> dict[str, float]:
    """The next row that has any value."""
    return read_until(source, lambda row: not all(map(math.isnan, row.values())))


def absent(source: Source, state: str) -> dict[str, str]:
    """Read until a metric is absent in this way; the reasons of those that are, by name."""
    named = {metric.name: index for index, metric in enumerate(source.metrics)}

    def reasons() -> dict[str, str]:
        found = {name: source.why_not(index) for name, index in named.items()}
        return {name: why.reason for name, why in found.items() if why is not None and why.state == state}

    read_until(source, lambda _: bool(reasons()))
    return reasons()
