"""The page of alerts: channels without their secrets, a form to add one, and what has become of each alert."""

import html
import re
from datetime import timedelta

import pytest

from migperf.store import alerts, outbox
from migperf.store.database import Database, now
from migperf.store.models import ChannelRow
from tests.alerts.made_alerts import new_alert
from tests.alerts.test_alert_channels import EMAIL, SECRET, SLACK, WEBHOOK
from tests.api.serving import TestClient
from tests.api.steps import both_databases
from tests.api.test_api_alerts import added
from tests.api.test_api_pages import outline
from tests.api.test_api_schedule_pages import check_page, page_of, rows_of, text_of
from tests.databases import counted_statements

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'"


def channels_of(page: str) -> list[str]:
    return [text_of(row) for row in re.findall(r"<tr data-channel=[^>]*>(.*?)</tr>", page, re.DOTALL)]


def test_a_service_without_channels_says_that_nobody_is_told_and_how_to_add_one(client: TestClient) -> None:
    page = text_of(page_of(client, "/alerts"))
    for told in ("alerts go nowhere", "migperf alerts channels add FILE.yaml", "Nothing has been raised yet"):
        assert told in page


@both_databases
def test_channels_are_shown_without_what_is_secret(client: TestClient) -> None:
    for document in (WEBHOOK, SLACK, EMAIL | {"digest_s": 3600}):
        added(client, document)
    page = page_of(client, "/alerts")
    assert channels_of(page) == [
        "chat slack https://hooks.slack.com each at once Send a test Delete …",
        "ci webhook https://ci.example.com/h each at once Send a test Delete …",
        "mail email a@example.com, b@example.com gathered for 1 h 0 min Send a test Delete …",
    ]
    assert SECRET not in page
    assert "t0p" not in page
    named = re.findall(r'<button [^>]*aria-label="([^"]+)"', page)
    assert len(set(named)) == len(named) == 6, "each button says to those who listen which channel it is of"


@both_databases
def test_one_channel_that_cannot_be_read_is_listed_among_the_others_and_can_be_deleted(
    client: TestClient, database: Database
) -> None:
    added(client, SLACK)
    broken = added(client, WEBHOOK)
    with database.write() as session:
        session.get_one(ChannelRow, broken["id"]).document = {"kind": "webhook", "url": "t0p", "secret": "t0p"}
    page = page_of(client, "/alerts")
    first, second = channels_of(page)
    assert first.startswith("chat slack")
    assert second.startswith(
        "ci unreadable : it is sent nothing. webhook.name: required, but missing; webhook.url: give the"
    )
    assert second.endswith(" Delete …")
    assert "Send a test" not in second
    assert "t0p" not in page
    [url] = re.findall(r'data-channel="([^"]+)" data-name="ci"', page)
    assert client.delete(url).status_code == 204
    assert len(channels_of(page_of(client, "/alerts"))) == 1


@both_databases
def test_alerts_are_shown_with_what_became_of_them_on_each_channel(client: TestClient, database: Database) -> None:
    mail, hook = added(client, EMAIL | {"digest_s": 60}), added(client, WEBHOOK)
    with database.write() as session:
        alerts.raise_alert(session, new_alert("alone"), now(session), channels=[])
        alerts.raise_alert(session, new_alert(link=None), now(session), channels=[mail["id"], hook["id"]])
        time = now(session)
        held = outbox.claim(session, time, lease_s=30)
        assert held is not None
        outbox.try_again(session, held, time + timedelta(hours=1), "ci.example.com answered 503")
    page = page_of(client, "/alerts")
    latest, alone = rows_of(page, "alerts")
    assert latest.startswith("resnet18 became slower Since run 7 a step takes 12 % longer. regression 20")
    assert "mail: pending" in latest
    assert re.search(r"ci: pending , 1 attempt, again at [\d-]+ [\d:]+ ci.example.com answered 503", latest)
    assert alone.endswith("there was no channel")
    assert page.count('<a href="/runs/r-7">resnet18 became slower</a>') == 1, "the link of the one that has one"
    assert page.count("<div data-pending>") == 2, "the script asks again soon"
    with database.write() as session:
        again = outbox.claim(session, time + timedelta(hours=2), lease_s=30)
        assert again is not None
        outbox.give_up(session, again, now(session), "it never answered")
    latest, _ = rows_of(page_of(client, "/alerts"), "alerts")
    assert "given up" in latest
    assert "it never answered" in latest


def test_alerts_are_listed_page_by_page_the_newest_first(
    client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.routes.alert_pages.ON_A_PAGE", 2)
    with database.write() as session:
        for number in range(3):
            alerts.raise_alert(session, new_alert(str(number), title=f"number {number}"), now(session))
    first = page_of(client, "/alerts")
    assert re.findall(r">(number \d)<", first) == ["number 2", "number 1"]
    [more] = re.findall(r'rel="next" href="([^"]+)"', first)
    rest = page_of(client, html.unescape(more))
    assert re.findall(r">(number \d)<", rest) == ["number 0"]
    assert 'rel="next"' not in rest
    assert "There are no earlier alerts" in page_of(client, "/alerts?cursor=0")


def test_a_page_takes_no_more_statements_for_more_alerts(client: TestClient, database: Database) -> None:
    def statements(count: int) -> int:
        with database.write() as session:
            for number in range(count):
                alerts.raise_alert(session, new_alert(f"{count}-{number}"), now(session))
        with counted_statements(database) as counted:
            page_of(client, "/alerts")
        return len(counted)

    added(client, WEBHOOK)
    added(client, SLACK)
    assert statements(1) == statements(5)


def test_what_is_told_of_an_alert_is_shown_as_text(client: TestClient, database: Database) -> None:
    hook = added(client, WEBHOOK)
    with database.write() as session:
        alerts.raise_alert(session, new_alert(title=EVIL, text=EVIL), now(session))
        held = outbox.claim(session, now(session), lease_s=30)
        assert held is not None
        outbox.give_up(session, held, now(session), EVIL)
        session.get_one(ChannelRow, hook["id"]).name = EVIL[:60]
    page = page_of(client, "/alerts")
    assert "<script>alert" not in page
    assert "<img" not in page
    assert EVIL in html.unescape(page)


def test_the_form_has_a_label_a_hint_and_a_place_for_problems_at_each_field(client: TestClient) -> None:
    check_page(client, "/alerts")
    found = outline(page_of(client, "/alerts"))
    fields = [attributes for _, attributes in found.tags if "data-field" in attributes]
    labelled = {attributes["for"] for tag, attributes in found.tags if tag == "label" and "for" in attributes}
    assert {field["id"] for field in fields} == labelled
    assert all(f"{field['id']}-problem" in str(field["aria-describedby"]).split() for field in fields)
    assert {field["data-field"] for field in fields} == {
        "name", "digest_s", "url", "secret", "host", "port", "tls", "user", "password", "from", "to"
    }, "every field that a channel can have"  # fmt: skip
