"""Requests: what is sent again and what is not, and what an answer that is none of ours becomes."""

import json
import socket
import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pytest

from migperf.client import (
    ApiConflictError,
    ApiError,
    ApiNotFoundError,
    Client,
    RequestRefusedError,
    ServiceError,
    UnexpectedAnswerError,
    UnreachableError,
)
from migperf.client import transport as transport_module
from migperf.errors import ConfigurationError, MigperfError
from migperf.store.requests import RunRequest
from tests.client.documents import RUN_ID, run_document, series_document
from tests.client.scripted_server import document, hang_up, problem, scripted


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "PAUSES_S", (0.0, 0.0))


def test_importing_the_client_imports_neither_torch_nor_sqlalchemy() -> None:
    code = "import sys, migperf.client; print({'torch', 'sqlalchemy', 'numpy', 'fastapi'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "set()"


def test_a_submission_whose_connection_breaks_is_sent_again_under_the_same_key() -> None:
    with scripted(hang_up, document(run_document(), 202)) as script, Client(script.url) as client:
        run = client.submit({"workload": "resnet18"})
    assert run.id == RUN_ID
    first, second = (asked.headers["idempotency-key"] for asked in script.asked)
    assert first == second != ""


def test_two_submissions_have_different_keys_unless_one_is_given() -> None:
    with scripted(document(run_document(), 202)) as script, Client(script.url) as client:
        client.submit({"workload": "resnet18"})
        client.submit({"workload": "resnet18"})
        client.submit({"workload": "resnet18"}, idempotency_key="mine")
    one, other, mine = (asked.headers["idempotency-key"] for asked in script.asked)
    assert one != other
    assert mine == "mine"


def test_a_replayed_submission_says_so() -> None:
    with (
        scripted(document(run_document(), 202, Idempotent_Replayed="true"), document(run_document(), 202)) as script,
        Client(script.url) as client,
    ):
        assert client.submit({}).replayed
        assert not client.submit({}).replayed


def test_a_request_model_is_sent_as_the_service_takes_it() -> None:
    request = RunRequest.model_validate({"workload": "resnet18", "scenario": "train", "where": "kind=cpu"})
    with scripted(document(run_document(), 202)) as script, Client(script.url) as client:
        client.submit(request)
    sent = json.loads(script.asked[0].body)
    assert RunRequest.model_validate(sent) == request
    assert sent["where"]["kind"] == "cpu"


def test_a_deletion_that_may_have_been_carried_out_is_not_sent_again() -> None:
    with (
        scripted(hang_up) as script,
        Client(script.url) as client,
        pytest.raises(UnreachableError),
    ):
        client.delete(RUN_ID)
    assert len(script.asked) == 1


def test_a_request_is_given_up_after_some_tries_with_the_url_and_the_remedy() -> None:
    with scripted(hang_up) as script, Client(script.url) as client, pytest.raises(UnreachableError) as caught:
        client.health()
    assert len(script.asked) == 3
    assert script.url in str(caught.value)
    assert "migperf up" in str(caught.value)


def test_a_service_that_is_not_there_is_unreachable_at_its_url() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with Client(url) as client, pytest.raises(UnreachableError, match="Connection refused") as caught:
            client.ready()
    assert caught.value.url == url


def test_a_service_that_does_not_answer_in_time_is_not_asked_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Client(url, timeout_s=0.1) as client, pytest.raises(UnreachableError, match="timed out"):
            client.health()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestRefusedError),
        (404, ApiNotFoundError),
        (405, ApiError),
        (409, ApiConflictError),
        (413, RequestRefusedError),
        (415, RequestRefusedError),
        (422, RequestRefusedError),
        (500, ServiceError),
        (503, ServiceError),
    ],
)
def test_a_problem_document_becomes_the_error_of_its_status(status: int, kind: type[ApiError]) -> None:
    answer = problem(status, title="No", detail="It will not do.", errors=None)
    with scripted(answer) as script, Client(script.url) as client, pytest.raises(ApiError) as caught:
        client.run(RUN_ID)
    assert type(caught.value) is kind
    assert isinstance(caught.value, MigperfError)
    assert (caught.value.status, caught.value.title, caught.value.detail) == (status, "No", "It will not do.")
    assert str(caught.value) == "It will not do."


def test_a_validation_problem_names_its_fields() -> None:
    field = {"field": "parameters.batch_size", "detail": "at least 1", "given": 0, "new": "ignored"}
    with (
        scripted(problem(422, title="Invalid", detail="See errors.", errors=[field])) as script,
        Client(script.url) as client,
        pytest.raises(RequestRefusedError) as caught,
    ):
        client.submit({})
    (only,) = caught.value.errors
    assert (only.field, only.detail, only.given) == ("parameters.batch_size", "at least 1", 0)


def test_an_error_page_of_a_proxy_still_tells_what_was_asked() -> None:
    page = document(b"<h1>Bad gateway</h1>", 502, "text/html")
    with scripted(page) as script, Client(script.url) as client, pytest.raises(ServiceError) as caught:
        client.run(RUN_ID)
    assert f"GET {script.url}/v1/runs/{RUN_ID}: 502" in str(caught.value)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"items": 3}', b'{"items": [{"id": "x"}]}'])
def test_another_service_at_the_url_is_told_apart(body: bytes) -> None:
    with (
        scripted(document(body)) as script,
        Client(script.url) as client,
        pytest.raises(UnexpectedAnswerError, match="does not answer like a migperf service"),
    ):
        list(client.runs())


def test_what_a_newer_service_adds_is_ignored_and_what_is_there_is_kept() -> None:
    newer = run_document(colour="blue", benchmark={**run_document()["benchmark"], "new": 1}, state="running")
    with scripted(document(newer)) as script, Client(script.url) as client:
        run = client.run(RUN_ID)
    assert run.state == "running"
    assert run.created_at == datetime(2026, 3, 2, 9, 15, tzinfo=UTC)


def test_listing_follows_cursors_and_repeats_the_filters_on_every_page() -> None:
    pages = [
        document({"items": [run_document(id="a"), run_document(id="b")], "next_cursor": "c/1"}),
        document({"items": [run_document(id="c")], "next_cursor": None}),
    ]
    after = datetime(2026, 3, 1, tzinfo=UTC)
    with scripted(*pages) as script, Client(script.url) as client:
        found = [run.id for run in client.runs(state=["queued", "lost"], labels={"commit": "4=f"}, created_after=after)]
    assert found == ["a", "b", "c"]
    common = "/v1/runs?limit=200&state=queued&state=lost&label=commit%3D4%3Df"
    common += "&created_after=2026-03-01T00%3A00%3A00%2B00%3A00"
    assert [asked.path for asked in script.asked] == [common, f"{common}&cursor=c%2F1"]


def test_a_limit_bounds_the_listing_and_fetches_no_page_too_many() -> None:
    page = document({"items": [run_document(id="a"), run_document(id="b")], "next_cursor": "more"})
    with scripted(page) as script, Client(script.url) as client:
        assert [run.id for run in client.runs(limit=2)] == ["a", "b"]
    assert [asked.path for asked in script.asked] == ["/v1/runs?limit=2"]


def test_a_series_is_joined_from_all_its_pages() -> None:
    pages = [
        document(series_document([0.5, 1.0], [1.0, 2.0], 1.5)),
        document(series_document([1.5, 2.5], [None, 4.0], None)),
    ]
    with scripted(*pages) as script, Client(script.url) as client:
        series = client.series(RUN_ID, "latency", end_s=3.0)
    np.testing.assert_array_equal(series.time_s, [0.5, 1.0, 1.5, 2.5])
    np.testing.assert_array_equal(series.value, [1.0, 2.0, np.nan, 4.0])
    np.testing.assert_array_equal(series.measured(), [2.0, np.nan])
    path = f"/v1/runs/{RUN_ID}/series/latency"
    assert [asked.path for asked in script.asked] == [f"{path}?end_s=3.0", f"{path}?start_s=1.5&end_s=3.0"]


def test_a_series_whose_pages_do_not_advance_does_not_loop_for_ever() -> None:
    stuck = document(series_document([1.0], [1.0], 1.0))
    with scripted(stuck) as script, Client(script.url) as client, pytest.raises(UnexpectedAnswerError, match="advance"):
        client.series(RUN_ID, "latency")
    assert len(script.asked) == 2


def test_names_are_quoted_so_that_they_stay_one_part_of_the_path() -> None:
    with scripted(problem(404, detail="no")) as script, Client(script.url) as client, pytest.raises(ApiNotFoundError):
        client.series("a/b", "../c?d")
    assert script.asked[0].path == "/v1/runs/a%2Fb/series/..%2Fc%3Fd"


@pytest.mark.parametrize("url", ["127.0.0.1:8642", "ftp://host", "http://", "nonsense"])
def test_what_is_no_url_of_a_service_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(ConfigurationError, match="looks like http://"):
        Client(url)


def test_without_a_url_the_settings_tell_where_the_service_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGPERF_URL", "http://somewhere:1/prefix/")
    with Client() as client:
        assert client.url == "http://somewhere:1/prefix"


def test_a_proxy_of_the_environment_is_not_asked_for_this_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with scripted(document({"status": "ok", "version": "1"})) as script, Client(script.url) as client:
        assert client.health().version == "1"
