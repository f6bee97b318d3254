"""The application under test: called in this process, or served by a real server on a free port."""

import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

with warnings.catch_warnings():
    # The client works with httpx; Starlette only says which library it will prefer one day.
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

__all__ = ["CountingPasses", "TestClient", "served"]


class CountingPasses:
    """Stands where placement passes are run, so that a test's runs stay where the test puts them."""

    def __init__(self) -> None:
        self.count = 0

    def run(self) -> None:
        """Count."""
        self.count += 1


@contextmanager
def served(app: FastAPI, root_path: str = "") -> Iterator[str]:
    """Serve the application over HTTP and yield its URL."""
    config = uvicorn.Config(
        app, port=0, log_level="critical", ws="none", root_path=root_path, timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + 10
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            assert time.monotonic() < deadline
            time.sleep(0.005)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
