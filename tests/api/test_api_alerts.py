"""Channels and alerts over REST: set, shown without secrets, tested, changed, deleted; listed with their deliveries."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.schemas.alerts import AlertList, AlertView, ChannelList, ChannelSet, ChannelView
from migperf.store import alerts, outbox
from migperf.store.database import Database, now
from migperf.store.models import ChannelRow
from tests.alerts.made_alerts import NOW, new_alert
from tests.alerts.test_alert_channels import EMAIL, SECRET, SLACK, WEBHOOK
from tests.api.serving import TestClient
from tests.api.steps import both_databases


def added(client: TestClient, document: dict[str, Any]) -> dict[str, Any]:
    answer = client.post("/v1/channels", json=document)
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == shown["url"]
    assert ChannelSet.model_validate(shown).model_dump(mode="json") == shown
    return shown


@both_databases
def test_the_secret_of_a_webhook_is_shown_when_it_is_set_and_never_again(client: TestClient) -> None:
    given_one = added(client, WEBHOOK)
    made_one = added(client, {"kind": "webhook", "name": "b", "url": "http://b.test"})
    assert given_one["secret"] == SECRET
    assert made_one["secret"].startswith("whsec_")
    shown = client.get(given_one["url"]).json()
    assert ChannelView.model_validate(shown).model_dump(mode="json") == shown
    listed = client.get("/v1/channels").json()
    assert ChannelList.model_validate(listed).model_dump(mode="json") == listed
    assert [each["name"] for each in listed["items"]] == ["b", "ci"]
    for text in (json.dumps(shown), json.dumps(listed)):
        assert "whsec_" not in text
        assert "t0p" not in text


def test_passwords_and_the_urls_of_chats_are_never_shown(client: TestClient) -> None:
    slack, mail = added(client, SLACK), added(client, EMAIL)
    assert (slack["target"], slack["secret"]) == ("https://hooks.slack.com", None)
    assert mail["settings"] == {
        "host": "mail.example.com",
        "port": 587,
        "tls": "starttls",
        "user": "u",
        "from": "migperf@example.com",
        "to": ["a@example.com", "b@example.com"],
    }
    assert "t0p" not in json.dumps([slack, mail, client.get("/v1/channels").json()])


@pytest.mark.parametrize(
    ("document", "field", "told"),
    [
        (EMAIL | {"port": "t0p"}, "email.port", "integer"),
        (EMAIL | {"user": None}, "email", "belong together"),
        (WEBHOOK | {"secret": "t0p"}, "webhook.secret", "whsec_"),
        (WEBHOOK | {"secrets": "t0p"}, "webhook.secrets", "unknown field"),
        (SLACK | {"url": "http://a.example/t0p"}, "slack.url", "https://"),
        (["t0p"], "body", "object"),
    ],
)
def test_a_refusal_names_the_field_and_repeats_no_secret(
    client: TestClient, document: object, field: str, told: str
) -> None:
    answer = client.post("/v1/channels", json=document)
    assert answer.status_code == 422
    (problem,) = answer.json()["errors"]
    assert problem["field"] == field
    assert told in problem["detail"]
    assert "t0p" not in answer.text
    assert client.get("/v1/channels").json()["items"] == []


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "[::ffff:10.0.0.1]", "169.254.169.254", "[fd00::1]"])
def test_an_address_inside_is_refused_when_the_channel_is_set(client: TestClient, host: str) -> None:
    answer = client.post("/v1/channels", json=WEBHOOK | {"url": f"http://{host}/hook"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "webhook.url"
    assert "MIGPERF_ALERT_ALLOWED_HOSTS" in answer.json()["detail"]
    answer = client.post("/v1/channels", json=EMAIL | {"host": host.strip("[]")})
    assert answer.json()["errors"][0]["field"] == "email.host"


def test_a_channel_is_changed_whole_and_keeps_its_id(client: TestClient) -> None:
    url = added(client, EMAIL)["url"]
    kept_nothing = client.put(url, json=EMAIL | {"host": "elsewhere.example.com", "password": None})
    assert kept_nothing.status_code == 422, "a password goes to no other host than it was given for"
    changed = client.put(url, json=WEBHOOK | {"name": "mail"})
    assert changed.status_code == 200
    assert (changed.json()["kind"], changed.json()["url"]) == ("webhook", url)
    added(client, SLACK)
    assert client.put(url, json=WEBHOOK | {"name": "chat"}).status_code == 409
    assert client.post("/v1/channels", json=SLACK).status_code == 409


def test_what_is_not_there_is_said_so(client: TestClient) -> None:
    for method, path in (
        ("GET", "/v1/channels/none"),
        ("DELETE", "/v1/channels/none"),
        ("POST", "/v1/channels/none/test"),
        ("GET", "/v1/alerts/none"),
    ):
        assert client.request(method, path).status_code == 404
    assert client.put("/v1/channels/none", json=WEBHOOK).status_code == 404
    url = added(client, WEBHOOK)["url"]
    assert client.delete(url).status_code == 204
    assert client.get(url).status_code == 404


def test_a_test_goes_to_its_channel_alone_and_at_once(client: TestClient, database: Database) -> None:
    added(client, SLACK)
    channel = added(client, WEBHOOK | {"digest_s": 3600})
    answer = client.post(f"{channel['url']}/test")
    assert answer.status_code == 202
    shown = client.get(answer.headers["Location"]).json()
    assert AlertView.model_validate(shown).model_dump(mode="json") == shown == answer.json()
    assert [(each["channel"], each["state"]) for each in shown["deliveries"]] == [("ci", "pending")]
    with database.write() as session:
        held = outbox.claim(session, now(session), 30)
        assert held is not None
        outbox.try_again(session, held, NOW, "ci.example.com answered 503")
    (tried,) = client.get(shown["url"]).json()["deliveries"]
    assert (tried["attempts"], tried["last_error"]) == (1, "ci.example.com answered 503")
    assert client.post(f"{channel['url']}/test").json()["id"] != shown["id"], "each test is an alert of its own"


@both_databases
def test_alerts_are_listed_newest_first_page_by_page(client: TestClient, database: Database) -> None:
    with database.write() as session:
        raised = [alerts.raise_alert(session, new_alert(str(number)), NOW) for number in range(3)]
    first = client.get("/v1/alerts", params={"limit": 2}).json()
    assert AlertList.model_validate(first).model_dump(mode="json") == first
    assert first["items"][0]["facts"] == new_alert().facts
    assert first["items"][0]["link"] == "/runs/r-7"
    rest = client.get("/v1/alerts", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [each["id"] for each in first["items"] + rest["items"]] == raised[::-1]
    assert rest["next_cursor"] is None


NEAR_CHANNELS = st.sampled_from([WEBHOOK, SLACK, EMAIL]).flatmap(
    lambda document: st.dictionaries(
        st.sampled_from([*document, "digest_s", "tls", "port"]),
        st.none() | st.integers() | st.text() | st.lists(st.text(), max_size=2) | st.sampled_from(["http://[", "a@b"]),
        max_size=3,
    ).map(lambda changed: document | changed)
)


@pytest.mark.no_cover
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NEAR_CHANNELS)
def test_no_channel_makes_the_service_fail(client: TestClient, body: object) -> None:
    answer = client.post("/v1/channels", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code in (201, 400, 409, 422)


@both_databases
def test_a_channel_that_cannot_be_read_is_listed_with_the_reason_and_can_be_deleted(
    client: TestClient, database: Database
) -> None:
    added(client, SLACK)
    broken = added(client, WEBHOOK)
    with database.write() as session:
        row = session.get_one(ChannelRow, broken["id"])
        row.document = {"kind": "webhook", "name": "ci", "secret": "t0p", "token": "t0p", "digest_s": "often"}
    listed = client.get("/v1/channels")
    assert listed.status_code == 200, listed.text
    assert ChannelList.model_validate(listed.json()).model_dump(mode="json") == listed.json()
    readable, unreadable = listed.json()["items"]
    assert (readable["kind"], readable["unreadable"]) == ("slack", None)
    assert (unreadable["name"], unreadable["kind"], unreadable["target"]) == ("ci", None, None)
    for told in (
        "webhook.url: required, but missing",
        "webhook.secret: give whsec_",
        "webhook.token: unknown field; check its spelling",
    ):
        assert told in unreadable["unreadable"]
    assert "t0p" not in listed.text
    assert client.get(broken["url"]).json() == unreadable
    assert client.post(f"{broken['url']}/test").status_code == 202, "the delivery tells what is wrong"
    assert client.delete(broken["url"]).status_code == 204
    assert [each["name"] for each in client.get("/v1/channels").json()["items"]] == ["chat"]


@both_databases
def test_what_has_happened_is_stored_whatever_a_channel_holds(client: TestClient, database: Database) -> None:
    broken = added(client, WEBHOOK)
    with database.write() as session:
        session.get_one(ChannelRow, broken["id"]).document = {}
    with database.write() as session:
        raised = alerts.raise_alert(session, new_alert(), NOW)
    [delivery] = client.get(f"/v1/alerts/{raised}").json()["deliveries"]
    assert (delivery["channel"], delivery["state"]) == ("ci", "pending")
