"""The postman delivers to real receivers, by itself and beside others, and holds nobody up meanwhile."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select, update

from migperf.alerts.channel import CHANNEL, WebhookChannel, key_of
from migperf.alerts.signature import is_genuine
from migperf.jobs.postman import Postman
from migperf.settings import Settings
from migperf.store import alerts, channels
from migperf.store.database import Database, now
from migperf.store.models import ChannelRow, DeliveryRow
from migperf.store.states import DeliveryState
from tests.alerts.made_alerts import new_alert
from tests.alerts.mail_server import mail_server
from tests.alerts.receiver import Receiver, ids, receiver


@pytest.fixture
def quick(settings: Settings) -> Settings:
    """Settings of a postman who may deliver on this host and does not wait long."""
    wanted = {"alert_allowed_hosts": "127.0.0.1", "alert_retry_s": 0.05, "alert_timeout_s": 1.0, "alert_attempts": 4}
    return settings.model_copy(update=wanted)


@pytest.fixture
def postman(database: Database, quick: Settings) -> Iterator[Postman]:
    made = Postman.of(database, quick)
    yield made
    made.close()


def raised(database: Database, *documents: dict[str, Any], count: int = 1) -> None:
    with database.write() as session:
        for document in documents:
            channels.add(session, CHANNEL.validate_python(document), now(session))
        for number in range(count):
            alerts.raise_alert(session, new_alert(str(number)), now(session))


def webhook(target: Receiver, name: str = "ci", **more: Any) -> dict[str, Any]:
    return {"kind": "webhook", "name": name, "url": target.url, **more}


def states(database: Database) -> list[DeliveryState]:
    with database.read() as session:
        return list(session.scalars(select(DeliveryRow.state)))


def until(condition: Callable[[], bool], step: Callable[[], None], within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        step()
        time.sleep(0.02)


def settled(database: Database) -> bool:
    return DeliveryState.PENDING not in states(database)


def test_a_receiver_that_fails_twice_gets_the_alert_at_the_third_try_and_no_more(
    database: Database, postman: Postman
) -> None:
    with receiver(500, 0) as target:
        raised(database, webhook(target))
        until(lambda: settled(database), postman.step)
        for _ in range(5):
            postman.step()
        assert len(target.received) == 3
        assert len(set(ids(target.received))) == 1, "one message, whatever it takes"
        with database.read() as session:
            (row,) = session.scalars(select(DeliveryRow))
            channel = CHANNEL.validate_python(row.channel.document)
        assert (row.state, row.attempts, row.last_error) == (DeliveryState.DELIVERED, 3, None)
        last = target.received[-1]
        assert isinstance(channel, WebhookChannel)
        assert is_genuine(key_of(channel.secret), last.headers, last.body, time.time())
        assert json.loads(last.body)["alerts"][0]["url"] == "http://127.0.0.1:8642/runs/r-7"


def test_several_postmen_send_each_message_once(database: Database, quick: Settings) -> None:
    postmen = [Postman.of(database, quick) for _ in range(3)]
    with receiver() as target:
        raised(database, webhook(target), count=12)

        def step_all() -> None:
            for each in postmen:
                each.step()

        until(lambda: settled(database), step_all)
        for each in postmen:
            each.close()
        assert len(target.received) == 12
        assert len(set(ids(target.received))) == 12


def test_a_silent_receiver_holds_up_neither_the_passes_nor_other_channels(database: Database, quick: Settings) -> None:
    patient = Postman.of(database, quick.model_copy(update={"alert_timeout_s": 20.0}))
    with receiver() as silent, receiver() as target:
        silent.held.clear()
        raised(database, webhook(silent, "silent"), webhook(target))
        began = time.monotonic()
        patient.step()
        assert time.monotonic() - began < 2
        until(lambda: bool(target.received), lambda: None, within_s=10)
        silent.held.set()
        patient.close()


def test_what_cannot_be_delivered_is_given_up_after_so_many_tries_with_the_reason(
    database: Database, postman: Postman, caplog: pytest.LogCaptureFixture
) -> None:
    with receiver(*[503] * 9) as target:
        raised(database, webhook(target))
        until(lambda: settled(database), postman.step)
        assert len(target.received) == 4
    with database.read() as session:
        (row,) = session.scalars(select(DeliveryRow))
    assert (row.state, row.last_error) == (DeliveryState.GIVEN_UP, "127.0.0.1 answered 503")
    assert "given up after 4 tries" in caplog.text


def test_a_receiver_inside_is_given_up_at_once_unless_it_is_allowed(database: Database, settings: Settings) -> None:
    with receiver() as target:
        raised(database, webhook(target))
        assert Postman.of(database, settings).deliver_one()
        assert (states(database), target.received) == ([DeliveryState.GIVEN_UP], [])


def test_secrets_are_in_no_log_and_no_error(
    database: Database, postman: Postman, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with receiver(500, 410) as target:
        raised(database, webhook(target) | {"url": f"{target.url}?token=t0p"})
        until(lambda: settled(database), postman.step)
    with database.read() as session:
        (row,) = session.scalars(select(DeliveryRow))
        secret = row.channel.document["secret"]
    told = f"{caplog.text} {row.last_error}"
    assert "410" in told
    assert "t0p" not in told
    assert secret not in told


def test_a_digest_is_one_request(database: Database, postman: Postman) -> None:
    with receiver(500) as target:
        raised(database, webhook(target, digest_s=1), count=5)
        until(lambda: settled(database), postman.step)
        assert [len(json.loads(one.body)["alerts"]) for one in target.received] == [5, 5]
        assert len(set(ids(target.received))) == 1


def test_people_get_an_email(database: Database, postman: Postman) -> None:
    with mail_server() as server:
        document = {"kind": "email", "name": "mail", "host": "127.0.0.1", "port": server.port, "tls": "none"}
        raised(database, document | {"from": "migperf@example.com", "to": ["a@example.com"]})
        until(lambda: settled(database), postman.step)
    assert states(database) == [DeliveryState.DELIVERED]
    assert b"resnet18 became slower" in server.mails[0]


def test_a_channel_of_another_version_is_given_up_and_its_secrets_stay_unsaid(
    database: Database, postman: Postman
) -> None:
    with receiver() as target:
        raised(database, webhook(target))
        with database.write() as session:
            session.execute(update(ChannelRow).values(document={"kind": "pager", "secret": "t0p", "digest_s": 0}))
        postman.deliver_one()
    with database.read() as session:
        (row,) = session.scalars(select(DeliveryRow))
    assert (row.state, "t0p" in str(row.last_error)) == (DeliveryState.GIVEN_UP, False)
    assert "set it anew" in str(row.last_error)


def test_closing_waits_for_what_is_under_way_and_begins_nothing_more(database: Database, quick: Settings) -> None:
    postman = Postman.of(database, quick)
    with receiver() as target:
        target.held.clear()
        raised(database, webhook(target), count=6)
        postman.step()
        until(lambda: bool(target.received), lambda: None)
        threading.Timer(0.2, target.held.set).start()
        postman.close()
        delivered = states(database).count(DeliveryState.DELIVERED)
        assert 1 <= delivered == len(target.received) < 6
