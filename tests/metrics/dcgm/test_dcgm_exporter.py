"""The page is fetched while somebody wants it and at no other time; errors are told of, not waited for."""

import threading
import time
from http.server import BaseHTTPRequestHandler

import httpx
import pytest

from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.dcgm import exporter as module
from migperf.metrics.dcgm.exporter import Exporter, Fetch
from migperf.metrics.dcgm.page import Page
from tests.metrics.dcgm.fake_exporter import PERIOD_S, WAIT_S, FakeExporter
from tests.metrics.dcgm.pages import A30, A100, a30, merged, whole_a100


def next_fetch(exporter: Exporter, after: int = 0) -> Fetch:
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        if (fetch := exporter.latest()) is not None and fetch.number > after:
            return fetch
        time.sleep(0.005)
    raise AssertionError("nothing was fetched")


def failure(exporter: Exporter) -> str:
    exporter.join(A100)
    outcome = next_fetch(exporter).outcome
    exporter.leave(A100)
    assert isinstance(outcome, Absence)
    assert outcome.state is AbsenceState.FAILED
    return outcome.reason


def test_nobody_is_asked_while_nobody_wants_to_know(fake: FakeExporter, exporter: Exporter) -> None:
    fake.page = merged(whole_a100())
    time.sleep(3 * PERIOD_S)
    assert fake.requests == 0
    exporter.join(A100)
    next_fetch(exporter)
    exporter.leave(A100)
    time.sleep(2 * PERIOD_S)
    asked = fake.requests
    time.sleep(3 * PERIOD_S)
    assert fake.requests == asked


def test_however_many_want_to_know_one_page_is_fetched_a_period(fake: FakeExporter, exporter: Exporter) -> None:
    fake.page = merged(whole_a100(), a30())
    for gpu in [A100] * 7 + [A30] * 7:
        exporter.join(gpu)
    began = time.monotonic()
    next_fetch(exporter, after=5)
    assert fake.requests <= 2 + (time.monotonic() - began) / PERIOD_S
    assert sum(thread.name == "dcgm-exporter" for thread in threading.enumerate()) == 1
    for gpu in [A100] * 7 + [A30] * 7:
        exporter.leave(gpu)


def test_a_page_of_an_earlier_run_is_not_there_for_a_later_one(fake: FakeExporter, exporter: Exporter) -> None:
    fake.page = merged(whole_a100())
    exporter.join(A100)
    first = next_fetch(exporter)
    exporter.leave(A100)
    fake.respond = lambda handler: (time.sleep(0.3), fake.answer(handler))
    seen = exporter.join(A100)
    assert exporter.latest() is None
    assert next_fetch(exporter).number > seen >= first.number
    exporter.leave(A100)


def test_the_rows_of_a_gpu_that_joins_later_come_with_a_later_page(fake: FakeExporter, exporter: Exporter) -> None:
    fake.page = merged(whole_a100(), a30())
    exporter.join(A100)
    outcome = next_fetch(exporter).outcome
    assert isinstance(outcome, Page)
    assert outcome.gpus == {A100}
    seen = exporter.join(A30)
    outcome = next_fetch(exporter, after=seen + 1).outcome
    assert isinstance(outcome, Page)
    assert outcome.gpus == {A100, A30}
    exporter.leave(A100)
    exporter.leave(A30)


def test_a_refused_connection_is_told_with_the_address(fake: FakeExporter, exporter: Exporter) -> None:
    fake.vanish()
    assert failure(exporter).startswith(f"no page from {fake.url}: ConnectError")
    fake.open()


def test_an_answer_that_is_an_error_is_told(fake: FakeExporter, exporter: Exporter) -> None:
    fake.status = 503
    assert "503 Service Unavailable" in failure(exporter)


def test_a_page_of_something_else_is_told(fake: FakeExporter, exporter: Exporter) -> None:
    fake.page = "<html></html>\n"
    assert "no metrics of DCGM" in failure(exporter)


def test_a_page_that_is_no_text_is_told(fake: FakeExporter, exporter: Exporter) -> None:
    fake.respond = lambda handler: (handler.send_response(200), handler.end_headers(), handler.wfile.write(b"\xff\xfe"))
    assert "UnicodeDecodeError" in failure(exporter)


def test_a_page_without_end_is_not_read_to_its_end(
    fake: FakeExporter, exporter: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 1 << 20)
    fake.page = "# nothing\n" * (1 << 18)
    assert "larger than 1 MiB" in failure(exporter)


def test_an_exporter_that_does_not_answer_is_given_up(fake: FakeExporter) -> None:
    fake.respond = lambda _: time.sleep(1)
    assert "ReadTimeout" in failure(Exporter(fake.url, PERIOD_S, timeout_s=0.2))


def test_a_page_that_trickles_in_is_given_up(fake: FakeExporter) -> None:
    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(20):
            handler.wfile.write(b"# slow\n")
            handler.wfile.flush()
            time.sleep(0.05)

    fake.respond = trickle
    assert "not complete after 0.2 s" in failure(Exporter(fake.url, PERIOD_S, timeout_s=0.2))


def test_a_user_and_a_password_are_sent_but_never_told(fake: FakeExporter) -> None:
    secret = Exporter(fake.url.replace("//", "//scraper:hunter2@"), PERIOD_S)
    fake.status = 401
    assert "hunter2" not in failure(secret)
    assert fake.headers["Authorization"].startswith("Basic ")


def test_an_address_that_is_no_url_is_refused_at_once() -> None:
    with pytest.raises(httpx.InvalidURL):
        Exporter("http://[::1", PERIOD_S)
