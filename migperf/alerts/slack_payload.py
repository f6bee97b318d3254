"""The JSON that Slack's incoming webhooks take: a text for notifications, and blocks within Slack's limits."""

import json
from collections.abc import Iterator

from migperf.alerts.alert import Alert, Message

MAX_TEXT = 3_000
MAX_FIELD = 2_000
FIELDS_A_SECTION = 10
MAX_SHOWN = 10
"""Alerts of a digest that are shown whole; Slack takes at most 50 blocks, and an alert has up to four."""


def slack_body(message: Message) -> bytes:
    """Return the body."""
    blocks = [block for alert in message.alerts[:MAX_SHOWN] for block in _blocks(alert, message)]
    left_out = message.alerts[MAX_SHOWN:]
    if left_out:
        blocks.append(_section(_clipped("\n".join(f"• {_escaped(alert.title)}" for alert in left_out), MAX_TEXT)))
    text = _escaped(message.title) if message.is_digest else _linked(message.alerts[0], message)
    return json.dumps({"text": text, "blocks": blocks}, ensure_ascii=False).encode()


def _blocks(alert: Alert, message: Message) -> Iterator[dict[str, object]]:
    yield _section(f"*{_linked(alert, message)}*")
    if alert.text:
        yield _section(_clipped(_escaped(alert.text), MAX_TEXT))
    facts = [f"*{_escaped(name)}*\n{_escaped(value)}" for name, value in alert.facts.items()]
    shown = facts[: 2 * FIELDS_A_SECTION]
    for first in range(0, len(shown), FIELDS_A_SECTION):
        fields = [_markdown(_clipped(fact, MAX_FIELD)) for fact in shown[first : first + FIELDS_A_SECTION]]
        yield {"type": "section", "fields": fields}


def _linked(alert: Alert, message: Message) -> str:
    url, title = message.url_of(alert), _escaped(alert.title)
    return title if url is None else f"<{_escaped(url).replace('|', '%7C')}|{title}>"


def _section(text: str) -> dict[str, object]:
    return {"type": "section", "text": _markdown(text)}


def _markdown(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text}


def _escaped(text: str) -> str:
    """Return text that cannot become a link or call everybody: Slack reads these three characters, and no others."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clipped(text: str, limit: int) -> str:
    """Cut before an escaped character that would be broken."""
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    start = kept.rfind("&")
    return (kept[:start] if start >= 0 and ";" not in kept[start:] else kept) + "…"
