"""The outbox: an alert is there exactly if what caused it is, once for each channel, and is sent by one at a time."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from migperf.alerts.channel import CHANNEL
from migperf.errors import NotFoundError
from migperf.store import alerts, channels, outbox
from migperf.store.channels import ChannelNameTakenError
from migperf.store.database import Database
from migperf.store.models import AlertRow, ChannelRow, DeliveryRow
from migperf.store.outbox import Claim
from migperf.store.states import DeliveryState
from tests.alerts.made_alerts import NOW, new_alert

LEASE_S = 30.0


def add_channel(session: Session, name: str = "ci", **more: Any) -> str:
    document = {"kind": "webhook", "name": name, "url": "https://ci.example.com/hook", **more}
    return channels.add(session, CHANNEL.validate_python(document), NOW).id


def claim(session: Session, after_s: float = 0) -> Claim | None:
    return outbox.claim(session, NOW + timedelta(seconds=after_s), LEASE_S)


def held(session: Session, after_s: float = 0) -> Claim:
    found = claim(session, after_s)
    assert found is not None
    return found


def deliveries(session: Session) -> list[DeliveryRow]:
    return list(session.scalars(select(DeliveryRow).order_by(DeliveryRow.alert_id)))


def test_an_alert_goes_to_every_channel_once_however_often_it_is_raised(database: Database) -> None:
    with database.write() as session:
        wanted = {add_channel(session, "a"), add_channel(session, "b")}
        first = alerts.raise_alert(session, new_alert(), NOW)
        assert first is not None
        assert alerts.raise_alert(session, new_alert(title="again"), NOW) is None
    with database.write() as session:
        add_channel(session, "c")
        assert alerts.raise_alert(session, new_alert(), NOW) is None, "a later channel is not told of the past"
        assert {row.channel_id for row in deliveries(session)} == wanted
        assert alerts.describe(alerts.get(session, first)).facts == new_alert().facts
        other_kind = alerts.raise_alert(session, new_alert(kind="recovery"), NOW, [min(wanted)])
        assert [row.channel_id for row in deliveries(session) if row.alert_id == other_kind] == [min(wanted)]


def test_an_alert_is_gone_with_the_transaction_that_raised_it(database: Database) -> None:
    with database.write() as session:
        add_channel(session)
    with database.write() as session:
        alerts.raise_alert(session, new_alert(), NOW)
        session.rollback()
    with database.write() as session:
        assert (session.scalar(select(func.count()).select_from(AlertRow)), claim(session)) == (0, None)
        assert alerts.raise_alert(session, new_alert(), NOW)


def test_of_transactions_that_raise_it_at_the_same_time_one_does(database: Database) -> None:
    with database.write() as session:
        add_channel(session)
    raised: list[str | None] = []

    def work() -> None:
        with database.write() as session:
            raised.append(alerts.raise_alert(session, new_alert(), NOW))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([one for one in raised if one]) == 1
    with database.read() as session:
        assert len(deliveries(session)) == 1


def test_nobody_claims_what_is_claimed_until_that_has_run_out(database: Database) -> None:
    with database.write() as session:
        add_channel(session)
        alerts.raise_alert(session, new_alert(), NOW)
        first = held(session)
        assert claim(session, LEASE_S - 1) is None
        second = held(session, LEASE_S)
        assert (first.message_id, first.attempt + 1) == (second.message_id, second.attempt), "the id stays"
        assert not outbox.deliver(session, first, NOW), "who was too slow changes nothing"
        assert not outbox.try_again(session, first, NOW, "late")
        assert not outbox.give_up(session, first, NOW, "late")
        assert outbox.deliver(session, second, NOW)
        assert not outbox.deliver(session, second, NOW)
        assert claim(session, 10 * LEASE_S) is None
        (row,) = deliveries(session)
        assert (row.state, row.attempts, row.last_error, row.settled_at) == (DeliveryState.DELIVERED, 2, None, NOW)


def test_claimers_that_come_together_get_different_messages(database: Database) -> None:
    with database.write() as session:
        add_channel(session)
        for number in range(5):
            alerts.raise_alert(session, new_alert(str(number)), NOW)
    claims: list[Claim | None] = []

    def work() -> None:
        with database.write() as session:
            claims.append(claim(session))

    threads = [threading.Thread(target=work) for _ in range(7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.message_id for one in claims if one}) == 5
    assert claims.count(None) == 2


def test_a_failure_is_kept_and_tried_again_when_it_is_time(database: Database) -> None:
    with database.write() as session:
        add_channel(session)
        alerts.raise_alert(session, new_alert(), NOW)
        outbox.try_again(session, held(session), NOW + timedelta(seconds=5), "no answer")
        assert outbox.due(session, NOW + timedelta(seconds=4), 9) == 0
        assert claim(session, 4) is None
        assert outbox.due(session, NOW + timedelta(seconds=5), 9) == 1
        again = held(session, 5)
        outbox.give_up(session, again, NOW, "for good")
        (row,) = deliveries(session)
        assert (row.state, row.last_error) == (DeliveryState.GIVEN_UP, "for good")
        assert claim(session, 1e6) is None


def test_a_digest_gathers_from_the_first_alert_on_and_stays_as_it_was_sent(database: Database) -> None:
    with database.write() as session:
        channel = add_channel(session, digest_s=60)
        for number in range(3):
            alerts.raise_alert(session, new_alert(str(number)), NOW + timedelta(seconds=20 * number))
        assert claim(session, 59) is None
        first = held(session, 60)
        assert [alert.subject for alert in first.alerts] == ["0", "1", "2"]
        alerts.raise_alert(session, new_alert("3"), NOW + timedelta(seconds=61))
        test = alerts.raise_alert(session, new_alert("4"), NOW + timedelta(seconds=61), [channel], at_once=True)
        tested = held(session, 61)
        assert [alert.id for alert in tested.alerts] == [test]
        assert outbox.deliver(session, tested, NOW)
        again = held(session, 60 + LEASE_S)
        assert (again.message_id, again.alerts) == (first.message_id, first.alerts)
        assert outbox.deliver(session, again, NOW)
        assert [alert.subject for alert in held(session, 121).alerts] == ["3"]


def test_a_digest_has_an_end_and_what_is_left_makes_another(database: Database) -> None:
    with database.write() as session:
        add_channel(session, digest_s=60)
        for number in range(outbox.MAX_GATHERED + 1):
            alerts.raise_alert(session, new_alert(str(number)), NOW)
        assert [len(held(session, 60).alerts) for _ in range(2)] == [outbox.MAX_GATHERED, 1]
        assert claim(session, 60) is None


def test_deleting_a_channel_takes_what_waits_for_it_and_leaves_the_alert(database: Database) -> None:
    with database.write() as session:
        channel = add_channel(session)
        alert = alerts.raise_alert(session, new_alert(), NOW)
        under_way = held(session)
    with database.write() as session:
        channels.delete(session, channel)
    with database.write() as session:
        assert (deliveries(session), claim(session, 1e6)) == ([], None)
        assert not outbox.deliver(session, under_way, NOW)
        assert alerts.get(session, str(alert)).deliveries == []
        with pytest.raises(NotFoundError):
            channels.delete(session, channel)


def test_a_name_belongs_to_one_channel(database: Database) -> None:
    with database.write() as session:
        add_channel(session, "a")
        other = add_channel(session, "b")
        with pytest.raises(ChannelNameTakenError):
            add_channel(session, "a")
    document = {"kind": "slack", "name": "a", "url": "https://hooks.slack.com/1"}
    with pytest.raises(ChannelNameTakenError), database.write() as session:
        channels.replace(session, other, CHANNEL.validate_python(document), NOW)
    with database.write() as session:
        channels.replace(session, other, CHANNEL.validate_python(document | {"name": "b"}), NOW + timedelta(days=1))
    with database.read() as session:
        assert [(row.name, row.document["kind"]) for row in channels.all_of(session)] == [
            ("a", "webhook"),
            ("b", "slack"),
        ]


def test_alerts_are_listed_newest_first_page_by_page(database: Database) -> None:
    with database.write() as session:
        raised = [alerts.raise_alert(session, new_alert(str(number)), NOW) for number in range(5)]
        first = alerts.latest(session, 3)
        assert [row.id for row in first.rows] == raised[:1:-1]
        rest = alerts.latest(session, 3, first.next_cursor)
        assert [row.id for row in rest.rows] == raised[1::-1]
        assert rest.next_cursor is None
        assert alerts.latest(session, 5).next_cursor is None, "a page that just holds all is the last"


def test_states_that_there_are_not_are_refused_by_the_database(database: Database) -> None:
    with database.write() as session:
        add_channel(session)
        alerts.raise_alert(session, new_alert(), NOW)
    for statement in (
        update(DeliveryRow).values(state="sent"),
        update(ChannelRow).values(name=None),
    ):
        with pytest.raises(Exception, match=r"sent|NOT NULL|null|CHECK"), database.write() as session:
            session.execute(statement)
    with database.write() as session:
        session.execute(delete(AlertRow))
        assert deliveries(session) == []
