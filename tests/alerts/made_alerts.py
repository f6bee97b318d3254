"""Alerts and messages for tests."""

from datetime import UTC, datetime
from typing import Any

from migperf.alerts.alert import Alert, Message, NewAlert

NOW = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
BASE_URL = "https://migperf.example.com"


def new_alert(subject: str = "r-1", **more: Any) -> NewAlert:
    """Return an alert to be raised."""
    return NewAlert.model_validate(
        {
            "kind": "regression",
            "subject": subject,
            "title": "resnet18 became slower",
            "text": "Since run 7 a step takes 12 % longer.",
            "facts": {"latency_p50": "28.2 ms → 31.6 ms", "driver": "580.159 → 590.12"},
            "link": "/runs/r-7",
        }
        | more
    )


def alert(number: int = 1, **more: Any) -> Alert:
    """Return an alert that was raised."""
    return Alert(**new_alert(f"r-{number}", **more).model_dump(), id=f"a-{number}", created_at=NOW)


def message(*alerts: Alert) -> Message:
    """Return a message of these alerts, or of one."""
    return Message(id="m-1", alerts=alerts or (alert(),), base_url=BASE_URL)
