"""Small real HTTP servers that speak the protocols of model servers, and can be told to misbehave."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from workloads.frameworks.problem import logits, problem

MODEL = "probe"
Reply = tuple[int, bytes]
Route = Callable[[Any], Reply]


def served(value: Any, status: int = 200) -> Reply:
    return status, json.dumps(value).encode()


def answered(images: Any) -> list[list[float]]:
    """What the probe's own model answers, as a server that has it would."""
    return logits(problem(0).weights, np.asarray(images, dtype=np.float32)).tolist()


def _triton_answer(body: Any) -> Reply:
    (tensor,) = body["inputs"]
    assert (tensor["name"], tensor["datatype"]) == ("images", "FP32")
    answer = np.asarray(answered(np.reshape(tensor["data"], tensor["shape"])))
    output = {"name": "logits", "datatype": "FP32", "shape": list(answer.shape), "data": answer.ravel().tolist()}
    return served({"model_name": MODEL, "outputs": [output]})


def triton(**configuration: Any) -> dict[str, Route]:
    tensor = {"name": "images", "datatype": "FP32", "shape": [32, 1, 8, 8]}
    routes: dict[str, Route] = {
        "GET /v2/health/ready": lambda _: (200, b""),
        "GET /v2": lambda _: served({"name": "triton", "version": "2.60.0", "extensions": []}),
        f"GET /v2/models/{MODEL}": lambda _: served({"name": MODEL, "inputs": [tensor], "outputs": []}),
        f"POST /v2/models/{MODEL}/infer": _triton_answer,
    }
    if configuration:
        routes[f"GET /v2/models/{MODEL}/config"] = lambda _: served({"name": MODEL, **configuration})
    return routes


def torchserve() -> dict[str, Route]:
    return {
        "GET /ping": lambda _: served({"status": "Healthy"}),
        "OPTIONS /": lambda _: served({"openapi": "3.0.1", "info": {"title": "TorchServe APIs", "version": "0.12.0"}}),
        f"POST /predictions/{MODEL}": lambda body: served(answered(body)),
    }


def ray_serve() -> dict[str, Route]:
    return {
        "GET /-/healthz": lambda _: (200, b"success"),
        "GET /-/routes": lambda _: served({f"/{MODEL}": "default"}),
        f"POST /{MODEL}": lambda body: served(answered(body)),
    }


SPOKEN = {"triton": triton, "torchserve": torchserve, "ray-serve": ray_serve}


def silent(_: Any) -> Reply:
    time.sleep(1.0)
    return served([])


@contextmanager
def serving(routes: Mapping[str, Route], *, location: str = "") -> Iterator[str]:
    """Serve the routes on a free port of the loopback interface; yield the URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            status, content = routes.get(f"{self.command} {self.path}", lambda _: (404, b"nothing here"))(body)
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            if location:
                self.send_header("location", location)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_OPTIONS = answer  # noqa: N815 - as the base class wants them

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
