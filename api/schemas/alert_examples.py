"""Examples of channels and alerts for the OpenAPI document; tests check that they are what the service gives."""

from typing import Any

CHANNEL_ID = "019ac0aa-1b2c-7d3e-8f40-516273849506"
ALERT_ID = "019ac0ab-60a1-7c52-9b0d-7e8f90a1b2c3"
CHANNEL: dict[str, Any] = {
    "id": CHANNEL_ID,
    "url": f"/v1/channels/{CHANNEL_ID}",
    "name": "ci",
    "kind": "webhook",
    "target": "https://ci.example.com/hooks/migperf",
    "digest_s": 0,
    "settings": {},
    "unreadable": None,
    "created_at": "2026-01-31T12:00:00Z",
    "updated_at": "2026-01-31T12:00:00Z",
}
CHANNEL_SET: dict[str, Any] = CHANNEL | {"secret": "whsec_bm90IGEgc2VjcmV0LCBvbmx5IGFuIGV4YW1wbGU="}
ALERT: dict[str, Any] = {
    "id": ALERT_ID,
    "url": f"/v1/alerts/{ALERT_ID}",
    "kind": "test",
    "subject": ALERT_ID,
    "title": "Test of the channel ci",
    "text": "Somebody asked whether this channel works. It does.",
    "facts": {"channel": "ci"},
    "link": None,
    "created_at": "2026-01-31T12:00:00Z",
    "deliveries": [
        {
            "channel_id": CHANNEL_ID,
            "channel": "ci",
            "message_id": "019ac0ab-60a2-7a01-8c1d-0123456789ab",
            "state": "pending",
            "attempts": 1,
            "next_at": "2026-01-31T12:00:05Z",
            "last_error": "ci.example.com answered 503",
            "settled_at": None,
        }
    ],
}
