"""Channels are read strictly, and keep their secrets to themselves."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from migperf.alerts.channel import CHANNEL, EmailChannel, SlackChannel, WebhookChannel, key_of

SECRET = "whsec_bm90IGEgc2VjcmV0LCBvbmx5IGFuIGV4YW1wbGU="  # noqa: S105
WEBHOOK: dict[str, Any] = {
    "kind": "webhook",
    "name": "ci",
    "url": "https://ci.example.com/h?token=t0p",
    "secret": SECRET,
}
SLACK: dict[str, Any] = {"kind": "slack", "name": "chat", "url": "https://hooks.slack.com/services/T0/B0/t0p"}
EMAIL: dict[str, Any] = {
    "kind": "email",
    "name": "mail",
    "host": "mail.example.com",
    "user": "u",
    "password": "t0p",
    "from": "migperf@example.com",
    "to": ["a@example.com", "b@example.com"],
}


@pytest.mark.parametrize("document", [WEBHOOK, SLACK, EMAIL])
def test_a_channel_comes_back_from_the_database_as_it_was(document: dict[str, Any]) -> None:
    channel = CHANNEL.validate_python(document)
    assert CHANNEL.validate_json(json.dumps(channel.stored())) == channel
    assert {**channel.stored(), **document} == channel.stored()


@pytest.mark.parametrize("document", [WEBHOOK, EMAIL])
def test_secrets_are_in_no_text_of_a_channel(document: dict[str, Any]) -> None:
    channel = CHANNEL.validate_python(document)
    shown = f"{channel!r} {channel} {channel.model_dump()} {channel.model_dump_json()}"
    assert str(document.get("secret", document.get("password"))) not in shown


def test_where_a_channel_leads_is_told_without_what_may_be_secret() -> None:
    targets = [CHANNEL.validate_python(document).target for document in (WEBHOOK, SLACK, EMAIL)]
    assert targets == ["https://ci.example.com/h", "https://hooks.slack.com", "a@example.com, b@example.com"]


def test_a_webhook_without_a_secret_is_given_one_of_its_own() -> None:
    made = [WebhookChannel(kind="webhook", name="a", url="http://a.example").secret for _ in range(2)]
    assert made[0] != made[1]
    assert [len(key_of(secret)) for secret in made] == [32, 32]


@pytest.mark.parametrize(
    ("document", "changed", "field", "told"),
    [
        (WEBHOOK, {"url": "ftp://a.example/"}, "url", "whole URL"),
        (WEBHOOK, {"url": "https:///hook"}, "url", "whole URL"),
        (WEBHOOK, {"url": "https://u:t0p@a.example/"}, "url", "leave user and password out"),
        (WEBHOOK, {"url": "https://a.example:99999/"}, "url", "port"),
        (WEBHOOK, {"url": "https://a.example/#b"}, "url", "never sent"),
        (WEBHOOK, {"url": "https://a.example/\r\nHost: b"}, "url", "pattern"),
        (WEBHOOK, {"secret": "whsec_c2hvcnQ="}, "secret", "24 to 64"),
        (WEBHOOK, {"secret": "t0p"}, "secret", "whsec_"),
        (WEBHOOK, {"secret": "whsec_%%"}, "secret", "base64"),
        (WEBHOOK, {"header": {"a": "b"}}, "header", "Extra"),
        (WEBHOOK, {"name": "a\nb"}, "name", "pattern"),
        (WEBHOOK, {"digest_s": -1}, "digest_s", "greater"),
        (SLACK, {"url": "http://hooks.example.com/a"}, "url", "https"),
        (EMAIL, {"to": []}, "to", "at least 1"),
        (EMAIL, {"to": ["a@example.com, b@example.com"]}, "0", "pattern"),
        (EMAIL, {"to": ["nobody"]}, "0", "an address alone"),
        (EMAIL, {"from": "a@example.com\r\nBcc:b@example.com"}, "from", "pattern"),
        (EMAIL, {"port": 0}, "port", "greater"),
        (EMAIL, {"tls": "ssl"}, "tls", "starttls"),
        (EMAIL, {"host": "-"}, "host", "pattern"),
        (EMAIL, {"password": None}, "email", "belong together"),
        (EMAIL, {"user": None}, "email", "belong together"),
        (EMAIL, {"tls": "none"}, "email", "not sent in the open"),
    ],
)
def test_what_is_wrong_is_named_and_not_repeated(
    document: dict[str, Any], changed: dict[str, Any], field: str, told: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        CHANNEL.validate_python(document | changed)
    error = refused.value.errors()[0]
    assert str(error["loc"][-1]) == field
    assert told in error["msg"]
    assert "t0p" not in error["msg"]
    assert "t0p" not in str(refused.value)


def test_a_kind_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ValidationError, match="'webhook', 'slack', 'email'"):
        CHANNEL.validate_python({"kind": "pager", "name": "a"})


def test_each_kind_is_its_own_type() -> None:
    kinds = [type(CHANNEL.validate_python(document)) for document in (WEBHOOK, SLACK, EMAIL)]
    assert kinds == [WebhookChannel, SlackChannel, EmailChannel]
