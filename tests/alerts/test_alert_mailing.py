"""E-mails reach a real SMTP server, by each kind of protection, and each way in which they do not is said."""

import time
from pathlib import Path
from typing import Any

import pytest

from migperf.alerts.channel import EmailChannel, Tls
from migperf.alerts.errors import DeliveryError, ForbiddenTargetError
from migperf.alerts.guard import Allowed, Guard
from migperf.alerts.mail import mail_of
from migperf.alerts.mailing import Mailer
from tests.alerts.certificates import NAME, contexts
from tests.alerts.made_alerts import message
from tests.alerts.mail_server import MailServer, mail_server
from tests.alerts.test_alert_channels import EMAIL

GUARD = Guard(Allowed.parse("127.0.0.0/8"), lambda _host: ["127.0.0.1"])
OPEN: dict[str, Any] = EMAIL | {"tls": "none", "user": None, "password": None}


def send(server: MailServer, document: dict[str, Any], mailer: Mailer | None = None) -> None:
    channel = EmailChannel.model_validate(document | {"port": server.port})
    (mailer or Mailer(GUARD, 5.0)).send(channel, mail_of(message(), channel))


def test_a_relay_takes_it_for_every_recipient() -> None:
    with mail_server() as server:
        send(server, OPEN)
    assert server.recipients == ["a@example.com", "b@example.com"]
    (mail,) = server.mails
    assert b"Subject: migperf: resnet18 became slower\r\n" in mail
    assert not server.logins


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
def test_the_password_goes_through_a_protected_connection_to_the_named_host(tls: Tls, tmp_path: Path) -> None:
    ours, theirs, asked_for = contexts(tmp_path)
    with mail_server(ours, implicit=tls is Tls.IMPLICIT) as server:
        send(server, EMAIL | {"tls": tls, "host": NAME}, Mailer(GUARD, 5.0, theirs))
        assert (server.logins, server.encrypted, asked_for) == ([("u", "t0p")], True, [NAME])
        assert len(server.mails) == 1
        with pytest.raises(DeliveryError, match="no protected connection"):
            send(server, EMAIL | {"tls": tls, "host": "other.example.com"}, Mailer(GUARD, 5.0, theirs))
    assert len(server.logins) == 1, "nobody else is told the password"


def test_a_server_without_starttls_is_not_told_the_password() -> None:
    with mail_server() as server, pytest.raises(DeliveryError, match="STARTTLS"):
        send(server, EMAIL)
    assert not server.logins


@pytest.mark.parametrize(
    ("refuse", "told"),
    [
        ({"RCPT": "550 no such user"}, "takes it for nobody: 550 no such user"),
        ({"MAIL": "452 full\x1b[31m"}, r"refuses: 452 full \[31m"),
        ({"DATA": "451 later"}, "451 later"),
    ],
)
def test_what_the_server_refuses_is_said_as_it_says_it(refuse: dict[str, str], told: str) -> None:
    with mail_server() as server:
        server.refuse = refuse
        with pytest.raises(DeliveryError, match=told):
            send(server, OPEN)


def test_a_refused_password_is_not_repeated(tmp_path: Path) -> None:
    ours, theirs, _ = contexts(tmp_path)
    with mail_server(ours) as server:
        server.refuse = {"AUTH": "535 t0p is wrong"}
        with pytest.raises(DeliveryError, match=r"refuses the user or the password \(535\)") as failed:
            send(server, EMAIL | {"host": NAME}, Mailer(GUARD, 5.0, theirs))
    assert "t0p" not in str(failed.value)


def test_a_mail_that_was_taken_counts_although_the_goodbye_fails() -> None:
    with mail_server() as server:
        server.refuse = {"QUIT": "500 what"}
        send(server, OPEN)
    assert len(server.mails) == 1


@pytest.mark.parametrize("command", ["EHLO", "RCPT"])
def test_a_server_that_falls_silent_does_not_hold_its_sender(command: str) -> None:
    with mail_server() as server:
        server.silent_at = command
        began = time.monotonic()
        with pytest.raises(DeliveryError):
            send(server, OPEN, Mailer(GUARD, 0.4))
        assert time.monotonic() - began < 3


def test_an_answer_without_an_end_does_not_hold_its_sender() -> None:
    with mail_server() as server:
        server.endless_at = "MAIL"
        began = time.monotonic()
        with pytest.raises(DeliveryError, match="broke off"):
            send(server, OPEN, Mailer(GUARD, 0.4))
        assert time.monotonic() - began < 3


def test_mail_servers_inside_must_be_allowed_too() -> None:
    with mail_server() as server:
        with pytest.raises(ForbiddenTargetError):
            send(server, OPEN | {"host": "localhost"}, Mailer(Guard(), 5.0))
        with pytest.raises(DeliveryError, match="cannot be reached on port"):
            send(MailServer(port=1), OPEN)
    assert not server.mails
