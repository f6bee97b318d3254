"""The commands about alerts, against the real API: what they print, and what their exit status says."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from migperf.jobs.postman import Postman
from migperf.settings import Settings
from migperf.store import channels
from migperf.store.database import Database
from tests.alerts.receiver import Receiver, receiver
from tests.cli.conftest import Cli

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings by which alerts may be sent to this host."""
    return settings.model_copy(update={"alert_allowed_hosts": "127.0.0.1", "alert_retry_s": 60.0})


@pytest.fixture(autouse=True)
def service(service_url: str, environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command finds the service by the environment."""
    monkeypatch.setenv("MIGPERF_URL", service_url)


@pytest.fixture
def target() -> Iterator[Receiver]:
    with receiver() as opened:
        yield opened


@pytest.fixture
def delivering(database: Database, settings: Settings) -> Iterator[None]:
    """A postman who looks for work, as the scheduler's does."""
    postman, stop = Postman.of(database, settings), threading.Event()

    def work() -> None:
        while not stop.wait(0.02):
            postman.step()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()
    postman.close()


def channel_file(folder: Path, target: Receiver) -> str:
    file = folder / "channel.yaml"
    file.write_text(f"kind: webhook\nname: ci\nurl: {target.url}?token=t0p\n")
    return str(file)


def test_a_channel_is_added_listed_and_deleted(cli: Cli, tmp_path: Path, target: Receiver) -> None:
    said = cli("alerts", "channels", "add", channel_file(tmp_path, target))
    assert said.status == 0, said.err
    channel_id, secret = said.out.split()
    assert secret.startswith("whsec_")
    assert "not shown again" in said.err
    listed = cli("alerts", "channels", "list")
    assert channel_id in listed.out
    assert "t0p" not in listed.out
    (shown,) = cli("alerts", "channels", "list", "--json").document
    assert (shown["name"], shown["target"], shown["secret"]) == ("ci", target.url, None)
    assert cli("alerts", "channels", "delete", "ci").status == 0
    assert "there are no channels" in cli("alerts", "channels", "list").err


def test_a_channel_that_the_service_cannot_read_is_listed_with_the_reason(
    cli: Cli, tmp_path: Path, target: Receiver, database: Database
) -> None:
    cli("alerts", "channels", "add", channel_file(tmp_path, target))
    with database.write() as session:
        (row,) = channels.all_of(session)
        row.document = {"kind": "webhook", "name": "ci"}
    listed = cli("alerts", "channels", "list")
    assert listed.status == 0, listed.err
    assert "unreadable: webhook.url: required, but missing" in " ".join(listed.out.split())
    assert cli("alerts", "channels", "delete", "ci").status == 0


def test_a_test_says_whether_the_channel_works(cli: Cli, tmp_path: Path, target: Receiver, delivering: None) -> None:
    cli("alerts", "channels", "add", channel_file(tmp_path, target))
    said = cli("alerts", "channels", "test", "ci")
    assert (said.status, len(target.received)) == (0, 1), said.err
    assert "ci: delivered" in said.out
    target.statuses.append(503)
    began = time.monotonic()
    failed = cli("alerts", "channels", "test", "ci")
    assert failed.status == 1
    assert "ci: pending: 127.0.0.1 answered 503; again in" in " ".join(failed.out.split())
    assert time.monotonic() - began < 10, "the first try is waited for, no other"
    listed = cli("alerts", "list", "-n", "1").out
    assert "Test of the channel ci" in listed
    assert listed.count("ci:") == 1


def test_what_is_wrong_is_a_usage_error_that_names_the_field(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "channel.yaml"
    file.write_text("kind: email\nname: mail\nhost: mail.example.com\nfrom: a@example.com\nto: []\n")
    said = cli("alerts", "channels", "add", str(file))
    assert said.status == 2
    assert "email.to" in said.err
    file.write_text("- a\n")
    assert "kind: webhook" in cli("alerts", "channels", "add", str(file)).err
    assert cli("alerts", "channels", "test", "none").status == 1
    assert "there are no alerts" in cli("alerts", "list").err
