"""The JSON that webhooks are sent."""

import json

from pydantic_core import to_jsonable_python

from migperf.alerts.alert import Alert, Message

VERSION = 1
"""Of the format. Members may be added to a version; what changes or takes away one makes a new version."""


def webhook_body(message: Message) -> bytes:
    """Return the body: always the same bytes for the same message."""
    document = {
        "version": VERSION,
        "type": "digest" if message.is_digest else "alert",
        "id": message.id,
        "timestamp": to_jsonable_python(message.created_at),
        "alerts": [_alert(alert, message) for alert in message.alerts],
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _alert(alert: Alert, message: Message) -> dict[str, object]:
    shown = alert.model_dump(mode="json", exclude={"link"})
    return shown | {"url": message.url_of(alert)}
