"""Watching: events arrive typed and once, whatever becomes of the connection, and no wait lasts for ever."""

import time

import pytest

from migperf.client import (
    ApiNotFoundError,
    Client,
    EndEvent,
    GoneEvent,
    PhaseEvent,
    ProgressEvent,
    RunDeletedError,
    ServiceError,
    StateEvent,
    UnexpectedAnswerError,
    UnreachableError,
    WaitTimeoutError,
)
from migperf.client import transport as transport_module
from migperf.store.states import RunState
from tests.client.documents import RUN_ID, run_document, timeline_document
from tests.client.scripted_server import Answer, document, event, hang_up, problem, scripted, stream

RUNNING = event("state", timeline_document(7, "state", "running"), 7)
MEASURING = event("phase", timeline_document(9, "phase", "measuring"), 9)
PROGRESS = event("progress", {"state": "running", "phase": "measuring", "progress": 0.5, "version": 4})
END = event("end", run_document(state="succeeded", finished_at="2026-03-02T09:15:09Z"))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "PAUSES_S", (0.0, 0.0))


def test_events_come_typed_and_in_order() -> None:
    with scripted(stream(RUNNING, ": comment", MEASURING, PROGRESS, END)) as script, Client(script.url) as client:
        state, phase, progress, end = client.watch(RUN_ID)
    assert isinstance(state, StateEvent)
    assert (state.id, state.name) == (7, "running")
    assert isinstance(phase, PhaseEvent)
    assert isinstance(progress, ProgressEvent)
    assert (progress.phase, progress.progress) == ("measuring", 0.5)
    assert isinstance(end, EndEvent)
    assert end.run.state is RunState.SUCCEEDED
    assert script.asked[0].headers["accept"] == "text/event-stream"


@pytest.mark.parametrize("drop", [stream(RUNNING, cut=True), stream(RUNNING)])
def test_after_a_dropped_connection_watching_goes_on_behind_the_last_event(drop: Answer) -> None:
    with scripted(drop, hang_up, stream(MEASURING, END)) as script, Client(script.url) as client:
        seen = list(client.watch(RUN_ID))
    assert [type(e) for e in seen] == [StateEvent, PhaseEvent, EndEvent]
    assert "last-event-id" not in script.asked[0].headers
    assert [asked.headers["last-event-id"] for asked in script.asked[1:]] == ["7", "7"]


def test_progress_has_no_id_and_does_not_move_the_place_to_go_on_from() -> None:
    drops = (stream(MEASURING, PROGRESS, cut=True), stream(PROGRESS, cut=True))
    with scripted(*drops, stream(END)) as script, Client(script.url) as client:
        list(client.watch(RUN_ID))
    assert [asked.headers["last-event-id"] for asked in script.asked[1:]] == ["9", "9"]


def test_a_service_that_restarts_is_waited_for() -> None:
    answers = [stream(RUNNING, cut=True), document(b"starting", 503, "text/plain"), stream(END)]
    with scripted(*answers) as script, Client(script.url) as client:
        assert client.wait(RUN_ID).state is RunState.SUCCEEDED
    assert len(script.asked) == 3


def test_a_service_that_stays_away_is_given_up_after_the_patience() -> None:
    with scripted(stream(RUNNING, cut=True), hang_up) as script, Client(script.url, patience_s=0.3) as client:
        begun = time.monotonic()
        with pytest.raises(UnreachableError):
            list(client.watch(RUN_ID))
        assert 0.3 <= time.monotonic() - begun < 5
    assert len(script.asked) > 2


def test_connections_that_open_and_say_nothing_use_the_patience_up() -> None:
    with (
        scripted(stream()) as script,
        Client(script.url, patience_s=0.3) as client,
        pytest.raises(UnreachableError, match="ended early"),
    ):
        list(client.watch(RUN_ID))
    assert len(script.asked) < 10


def test_a_service_that_was_never_there_is_unreachable_at_once() -> None:
    with scripted(hang_up) as script, Client(script.url, patience_s=60) as client, pytest.raises(UnreachableError):
        list(client.watch(RUN_ID))
    assert len(script.asked) == 1


def test_an_unknown_run_and_a_broken_service_are_said_at_once() -> None:
    with scripted(problem(404, detail="no run"), problem(500, detail="broken")) as script, Client(script.url) as client:
        with pytest.raises(ApiNotFoundError, match="no run"):
            list(client.watch(RUN_ID))
        with pytest.raises(ServiceError, match="broken"):
            list(client.watch(RUN_ID))


def test_comments_keep_a_connection_but_not_a_wait_alive() -> None:
    with scripted(stream(RUNNING, alive_for_s=3.0)) as script, Client(script.url) as client:
        begun = time.monotonic()
        with pytest.raises(WaitTimeoutError, match="within"):
            client.wait(RUN_ID, timeout_s=0.2)
        assert time.monotonic() - begun < 2


def test_a_silent_connection_does_not_outlast_a_wait() -> None:
    def silent(_: object) -> None:
        time.sleep(1.0)

    with scripted(silent) as script, Client(script.url) as client, pytest.raises(WaitTimeoutError):
        client.wait(RUN_ID, timeout_s=0.1)


def test_the_end_counts_even_when_it_comes_with_the_last_of_the_time() -> None:
    with scripted(stream(END, alive_for_s=0.3)) as script, Client(script.url) as client:
        assert client.wait(RUN_ID, timeout_s=0.25).state is RunState.SUCCEEDED


def test_a_run_deleted_meanwhile_ends_the_watching() -> None:
    gone = event("gone", {"run_id": RUN_ID})
    with scripted(stream(RUNNING, gone)) as script, Client(script.url) as client:
        assert isinstance(list(client.watch(RUN_ID))[-1], GoneEvent)
        with pytest.raises(RunDeletedError):
            client.wait(RUN_ID)


def test_events_of_a_newer_service_are_passed_over() -> None:
    with scripted(stream(event("weather", "sunny"), END)) as script, Client(script.url) as client:
        assert [type(e) for e in client.watch(RUN_ID)] == [EndEvent]


def test_a_line_separator_within_an_event_does_not_split_it() -> None:
    odd = "two\u2028lines\u0085here"
    state = event("state", timeline_document(7, "state", "failed", odd), 7)
    with scripted(stream(state, END)) as script, Client(script.url) as client:
        first = next(client.watch(RUN_ID))
    assert isinstance(first, StateEvent)
    assert first.detail == odd


@pytest.mark.parametrize(
    "answer",
    [stream(event("state", {"id": "seven"})), document(b"<html>", 200, "text/html")],
)
def test_a_stream_that_is_none_of_ours_is_told_apart(answer: Answer) -> None:
    with scripted(answer) as script, Client(script.url) as client, pytest.raises(UnexpectedAnswerError):
        list(client.watch(RUN_ID))


def test_watching_can_be_left_early() -> None:
    with scripted(stream(RUNNING, alive_for_s=0.2)) as script, Client(script.url) as client:
        for seen in client.watch(RUN_ID):
            assert isinstance(seen, StateEvent)
            break
