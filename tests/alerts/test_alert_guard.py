"""Nothing inside this network is reached, whatever a name's look-up says, and when: over real sockets."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from migperf.alerts.errors import DeliveryError, ForbiddenTargetError, RefusedError
from migperf.alerts.guard import Allowed, Guard, look_up
from migperf.alerts.posting import Poster
from migperf.errors import ConfigurationError
from tests.alerts.certificates import NAME, contexts
from tests.alerts.receiver import Receiver, receiver

LOOPBACK = Allowed.parse("127.0.0.0/8")
PUBLIC = "93.184.215.14"


class Answers:
    """A resolver that gives another answer each time, the last one again and again."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


@pytest.fixture
def target() -> Iterator[Receiver]:
    """A receiver on this host, which is inside."""
    with receiver() as opened:
        yield opened


def post(url: str, guard: Guard, timeout_s: float = 5.0) -> None:
    Poster(guard, timeout_s).post(url, b"{}", {"x-test": "1"})


def test_a_receiver_inside_is_refused_and_hears_nothing(target: Receiver) -> None:
    for host in ("127.0.0.1", "127.1", "2130706433", "0x7f.1", "0", "localhost", "[::1]", "[::ffff:127.0.0.1]"):
        with pytest.raises(ForbiddenTargetError, match="MIGPERF_ALERT_ALLOWED_HOSTS"):
            post(f"http://{host}:{target.port}/", Guard())
    assert not target.received


def test_a_receiver_that_is_allowed_gets_the_body_with_its_own_name(target: Receiver) -> None:
    answers = Answers(["127.0.0.1"])
    post(f"http://{NAME}:{target.port}/a?b=c", Guard(LOOPBACK, answers))
    (got,) = target.received
    assert (got.path, got.body, got.headers["host"]) == ("/a?b=c", b"{}", f"{NAME}:{target.port}")
    assert got.headers["x-test"] == "1"


def test_a_name_that_leads_inside_at_the_second_look_up_gains_nothing(
    target: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the first answer is judged and connected to, and there is no second."""
    dialled: list[tuple[str, int]] = []

    def dial(address: tuple[str, int], timeout: float) -> socket.socket:
        dialled.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", dial)
    answers = Answers([PUBLIC], ["127.0.0.1"])
    with pytest.raises(DeliveryError, match="Connection refused"):
        post(f"http://{NAME}:{target.port}/", Guard(resolver=answers))
    assert (answers.asked, dialled) == ([NAME], [(PUBLIC, target.port)])
    with pytest.raises(ForbiddenTargetError):
        post(f"http://{NAME}:{target.port}/", Guard(resolver=answers))
    assert len(dialled) == 1


@pytest.mark.parametrize("answer", [[PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], ["::ffff:127.0.0.1"], ["fe80::1%lo"]])
def test_a_name_with_one_address_inside_is_refused_whole(target: Receiver, answer: list[str]) -> None:
    with pytest.raises(ForbiddenTargetError, match=f"{NAME} has the address"):
        post(f"http://{NAME}:{target.port}/", Guard(resolver=Answers(answer)))
    assert not target.received


def test_the_next_address_of_a_name_is_tried_when_one_is_dead(target: Receiver) -> None:
    post(f"http://{NAME}:{target.port}/", Guard(LOOPBACK, Answers(["127.0.0.9", "127.0.0.1"])))
    assert len(target.received) == 1


def test_the_certificate_must_be_that_of_the_name_although_the_address_is_dialled(tmp_path: Path) -> None:
    server, client, asked_for = contexts(tmp_path)
    guard = Guard(LOOPBACK, Answers(["127.0.0.1"]))
    with receiver(tls=server) as target:
        poster = Poster(guard, 5.0, client)
        poster.post(f"https://{NAME}:{target.port}/", b"{}", {})
        assert asked_for == [NAME]
        with pytest.raises(DeliveryError, match="no protected connection"):
            poster.post(f"https://other.example.com:{target.port}/", b"{}", {})
        with pytest.raises(DeliveryError, match="no protected connection"):
            Poster(guard, 5.0).post(f"https://{NAME}:{target.port}/", b"{}", {})
        assert len(target.received) == 1


def test_redirects_are_not_followed(target: Receiver) -> None:
    with receiver(302) as first:
        first.headers["Location"] = target.url
        with pytest.raises(DeliveryError, match="302; redirects are not followed"):
            post(first.url, Guard(LOOPBACK))
    assert not target.received


def test_proxies_of_the_environment_are_not_used(target: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        post(target.url, Guard(LOOPBACK))
        assert not proxy.received
    assert len(target.received) == 1


def test_410_is_final_and_other_refusals_are_not() -> None:
    with receiver(410, 404, 500, 0) as target:
        with pytest.raises(RefusedError, match="wants no more"):
            post(target.url, Guard(LOOPBACK))
        for told in ("answered 404", "answered 500", "broke off|connection broke"):
            with pytest.raises(DeliveryError, match=told) as failed:
                post(target.url, Guard(LOOPBACK))
            assert not failed.value.final


@contextmanager
def dripping(beginning: bytes) -> Iterator[int]:
    """Yield the port of a receiver that begins to answer and then sends a byte every 50 ms, for ever."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                piece = beginning
                while not stop.wait(0.05):
                    try:
                        connection.sendall(piece)
                    except OSError:
                        return
                    piece = b"x"

        thread = threading.Thread(target=drip)
        thread.start()
        yield server.getsockname()[1]
        stop.set()
        thread.join()


def test_a_receiver_that_drips_does_not_hold_its_sender() -> None:
    with dripping(b"HTTP/1.1 200 OK\r\nX: ") as port:
        began = time.monotonic()
        with pytest.raises(DeliveryError, match=r"did not answer within 0\.4 s"):
            post(f"http://127.0.0.1:{port}/", Guard(LOOPBACK), timeout_s=0.4)
        assert time.monotonic() - began < 3


def test_a_receiver_that_is_silent_does_not_hold_its_sender(target: Receiver) -> None:
    target.held.clear()
    began = time.monotonic()
    with pytest.raises(DeliveryError, match=r"did not answer within 0\.4 s"):
        post(target.url, Guard(LOOPBACK), timeout_s=0.4)
    assert time.monotonic() - began < 3


def test_an_answer_without_an_end_is_not_waited_for_and_counts() -> None:
    with dripping(b"HTTP/1.1 200 OK\r\n\r\n") as port:
        post(f"http://127.0.0.1:{port}/", Guard(LOOPBACK), timeout_s=2)


def test_a_head_without_an_end_is_cut_off() -> None:
    with dripping(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000) as port, pytest.raises(DeliveryError, match="broke off"):
        post(f"http://127.0.0.1:{port}/", Guard(LOOPBACK))


def test_a_look_up_that_nobody_answers_ends_in_time() -> None:
    answered = threading.Event()

    def silent(host: str) -> Sequence[str]:
        answered.wait(20)
        return []

    with pytest.raises(DeliveryError, match="cannot be looked up: no answer in time"):
        post("http://slow.example.com/", Guard(resolver=silent), timeout_s=0.2)
    answered.set()


def test_a_name_that_does_not_exist_is_said_to_be_so() -> None:
    with pytest.raises(DeliveryError, match="cannot be looked up"):
        post("http://no-such-host.invalid/", Guard())


def test_the_systems_resolver_gives_addresses() -> None:
    assert "127.0.0.1" in look_up("localhost")


def test_a_name_that_is_allowed_may_lead_inside_but_never_to_credentials_of_machines() -> None:
    allowed = Allowed.parse("Alerts.Example, 10.0.0.0/8")
    for inside in ("127.0.0.1", "192.168.1.1", "::1", "fd00::1"):
        assert Guard(allowed, Answers([inside])).addresses_of("alerts.example.", time.monotonic() + 5)
    for never in ("169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "0.0.0.0", "fe80::1"):  # noqa: S104
        with pytest.raises(ForbiddenTargetError):
            Guard(allowed, Answers([never])).addresses_of("alerts.example", time.monotonic() + 5)
    assert Guard(allowed, Answers(["10.9.8.7"])).addresses_of("any.example", time.monotonic() + 5)
    with pytest.raises(ForbiddenTargetError):
        Guard(allowed, Answers(["192.168.1.1"])).addresses_of("any.example", time.monotonic() + 5)


@pytest.mark.parametrize("text", ["10.1.2.3/16", "10.0.0.0/33", "127.1", "http://a.example", "*.example", "a b"])
def test_an_entry_that_means_nothing_is_refused_with_the_settings_name(text: str) -> None:
    with pytest.raises(ConfigurationError, match="MIGPERF_ALERT_ALLOWED_HOSTS"):
        Allowed.parse(text)
