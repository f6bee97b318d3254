"""What channels are sent: JSON of a documented version, Slack's blocks within Slack's limits, plain e-mail."""

import email
import email.policy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from migperf.alerts.alert import MAX_FACTS
from migperf.alerts.channel import EmailChannel
from migperf.alerts.mail import mail_of
from migperf.alerts.slack_payload import slack_body
from migperf.alerts.webhook_payload import VERSION, webhook_body
from tests.alerts.made_alerts import alert, message, new_alert
from tests.alerts.test_alert_channels import EMAIL

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "alerts.md"
CHANNEL = EmailChannel.model_validate(EMAIL)


def test_a_webhook_gets_every_member_that_the_documentation_shows() -> None:
    sent = json.loads(webhook_body(message()))
    shown = json.loads(re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)[0])
    assert sent == shown
    assert sent["version"] == VERSION == 1


def test_the_same_message_is_the_same_bytes_each_time() -> None:
    assert webhook_body(message()) == webhook_body(message())


def test_a_digest_is_one_message_with_all_of_its_alerts() -> None:
    sent = json.loads(webhook_body(message(alert(1), alert(2))))
    assert (sent["type"], [each["id"] for each in sent["alerts"]]) == ("digest", ["a-1", "a-2"])


def test_slack_is_given_the_title_as_a_link_and_the_facts() -> None:
    sent = json.loads(slack_body(message()))
    assert sent["text"] == "<https://migperf.example.com/runs/r-7|resnet18 became slower>"
    assert [block["type"] for block in sent["blocks"]] == ["section"] * 3
    assert "*driver*\n580.159 → 590.12" in [field["text"] for field in sent["blocks"][2]["fields"]]


LONG: dict[str, Any] = {
    "title": "<" * 200,
    "text": "&" * 10_000,
    "facts": {f"fact {number}": ">" * 500 for number in range(MAX_FACTS)},
}


@given(st.integers(1, 100))
def test_slack_gets_no_more_than_it_takes(count: int) -> None:
    sent = json.loads(slack_body(message(*(alert(number, **LONG) for number in range(count)))))
    assert len(sent["blocks"]) <= 50
    for block in sent["blocks"]:
        texts = [block["text"]] if "text" in block else block["fields"]
        assert len(texts) <= 10
        assert all(0 < len(text["text"]) <= (3000 if "text" in block else 2000) for text in texts)
        assert not any(re.search(r"&(?!amp;|lt;|gt;)", text["text"]) for text in texts), "no half of an escape"


def test_nobody_is_called_and_no_link_is_made_by_what_an_alert_says() -> None:
    sent = slack_body(message(alert(title="<!channel> <https://a.example|b>", text="<@U1>", link=None))).decode()
    assert not re.search("<[!@#h]", sent)


def test_an_email_is_plain_text_with_an_id_that_stays() -> None:
    sent = email.message_from_bytes(mail_of(message(), CHANNEL).as_bytes(), policy=email.policy.default)
    assert sent["Subject"] == "migperf: resnet18 became slower"
    assert (sent["From"], sent["To"]) == ("migperf@example.com", "a@example.com, b@example.com")
    assert (sent["Message-ID"], sent["Auto-Submitted"]) == ("<m-1@example.com>", "auto-generated")
    assert sent.get_content_type() == "text/plain"
    text = sent.get_content()
    assert "latency_p50: 28.2 ms → 31.6 ms" in text
    assert "https://migperf.example.com/runs/r-7" in text
    assert mail_of(message(), CHANNEL).as_bytes().isascii(), "servers without 8BITMIME take it"


def test_an_email_of_a_digest_holds_every_alert() -> None:
    sent = mail_of(message(alert(1, title="first"), alert(2, title="second")), CHANNEL)
    assert sent["Subject"] == "migperf: 2 alerts"
    assert re.search("first.*-----.*second", sent.get_content(), re.DOTALL)


@pytest.mark.parametrize(
    "changed",
    [
        {"title": "a\r\nBcc: b@example.com"},
        {"kind": "A kind"},
        {"subject": ""},
        {"facts": {"a\nb": "c"}},
        {"facts": {str(number): "" for number in range(MAX_FACTS + 1)}},
        {"link": "https://elsewhere.example/"},
        {"link": "//elsewhere.example/"},
        {"text": "\0"},
    ],
)
def test_an_alert_that_could_not_be_sent_everywhere_is_not_raised(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        new_alert(**changed)
