"""Bodies beyond the limit get their answer, whether their length is announced or not, and are not read to their end."""

import json
import socket
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI

from migperf.settings import Settings
from migperf.store.database import Database
from tests.api.serving import served
from tests.api.steps import REQUEST, row_counts

JSON = {"Content-Type": "application/json"}
MIB = 1 << 20


@pytest.fixture
def url(app: FastAPI) -> Iterator[str]:
    """The URL of the application, served over HTTP."""
    with served(app) as served_at:
        yield served_at


def assert_too_large(answer: httpx.Response, database: Database) -> None:
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/body-too-large")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert str(MIB) in answer.json()["detail"]
    assert row_counts(database)["runs"] == 0


def test_ten_megabytes_are_refused(url: str, database: Database) -> None:
    body = json.dumps({**REQUEST, "labels": {"a": "x" * 10 * MIB}})
    assert_too_large(httpx.post(f"{url}/v1/runs", content=body, headers=JSON, trust_env=False), database)


def test_ten_megabytes_in_pieces_of_unknown_number_are_refused(url: str, database: Database) -> None:
    pieces = (b" " * 65_536 for _ in range(160))
    assert_too_large(httpx.post(f"{url}/v1/runs", content=pieces, headers=JSON, trust_env=False), database)


@pytest.mark.parametrize("path", ["/v1/runs/x/cancel", "/v1/nothing", "/"])
def test_the_limit_holds_for_every_path(url: str, database: Database, path: str) -> None:
    assert_too_large(httpx.post(f"{url}{path}", content=b" " * (MIB + 1), trust_env=False), database)


def test_the_answer_comes_before_everything_is_sent(url: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = b"POST /v1/runs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n"
        connection.sendall(head + b"\r\n{")
        assert b"413" in connection.recv(4096).split(b"\r\n")[0]


def test_a_client_that_sends_all_before_it_reads_gets_the_answer_too(url: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = f"POST /v1/runs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {10 * MIB}\r\n"
        connection.sendall(head.encode() + b"\r\n")
        for _ in range(10):
            connection.sendall(b" " * MIB)
        assert b"413" in connection.recv(4096).split(b"\r\n")[0]


def test_a_body_of_just_the_limit_is_read(url: str, settings: Settings) -> None:
    body = json.dumps(REQUEST).encode()
    answer = httpx.post(f"{url}/v1/runs", content=body.ljust(settings.max_body_bytes), headers=JSON, trust_env=False)
    assert answer.status_code == 202
    pieces = (piece for piece in (body[:10], body[10:]))
    assert httpx.post(f"{url}/v1/runs", content=pieces, headers=JSON, trust_env=False).status_code == 202
