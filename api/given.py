"""Showing a client what it sent: any value, however large or odd, as a small piece of JSON."""

import json

from pydantic import JsonValue

LIMIT = 200
"""Characters of JSON; a longer value is shown as the beginning of its text."""


def bounded(value: object) -> JsonValue:
    """Return the value itself when it is small and JSON, else as much of its text as fits."""
    text = _beginning(value)
    if len(text) > LIMIT:
        return clipped(value) if isinstance(value, str) else clipped(text)
    shown: JsonValue = json.loads(text, parse_constant=str)
    return shown


def clipped(text: str, limit: int = LIMIT) -> str:
    """Return the text, cut and marked as such when it is longer than the limit."""
    return text if len(text) <= limit else f"{text[:limit]}…"


def _beginning(value: object) -> str:
    """Encode no more of the value than is shown."""
    text = ""
    for piece in json.JSONEncoder(default=_text).iterencode(value):
        text += piece
        if len(text) > LIMIT:
            break
    return text


def _text(value: object) -> str:
    return clipped(str(value))
