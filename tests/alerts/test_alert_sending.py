"""A message reaches each kind of channel in the form that it takes."""

import json
import time
from pathlib import Path

from migperf.alerts.channel import CHANNEL, WebhookChannel, key_of
from migperf.alerts.guard import Allowed, Guard
from migperf.alerts.sending import Sender
from migperf.alerts.signature import is_genuine
from tests.alerts.certificates import NAME, contexts
from tests.alerts.made_alerts import message
from tests.alerts.receiver import receiver

GUARD = Guard(Allowed.parse("127.0.0.0/8"), lambda _host: ["127.0.0.1"])


def test_a_chat_is_posted_slacks_json(tmp_path: Path) -> None:
    server, client, _ = contexts(tmp_path)
    with receiver(tls=server) as target:
        url = f"https://{NAME}:{target.port}/services/T0/B0/x"
        Sender(GUARD, 5.0, client).send(CHANNEL.validate_python({"kind": "slack", "name": "a", "url": url}), message())
    (got,) = target.received
    assert got.headers["content-type"] == "application/json"
    assert "resnet18 became slower" in json.loads(got.body)["text"]
    assert "webhook-signature" not in got.headers


def test_a_program_is_posted_signed_json_with_the_messages_id() -> None:
    with receiver() as target:
        channel = WebhookChannel(kind="webhook", name="a", url=f"http://a.example:{target.port}/")
        Sender(GUARD, 5.0).send(channel, message())
    (got,) = target.received
    assert got.headers["webhook-id"] == json.loads(got.body)["id"] == "m-1"
    assert is_genuine(key_of(channel.secret), got.headers, got.body, time.time())
