"""The JSON of files that are imported: what could not be stored is refused with its place."""

import json
import math
import re
from collections.abc import Iterator

from pydantic import JsonValue

from migperf.histories.importing.errors import ImportingError

MAX_DEPTH = 64
MAX_DIGITS = 309
"""As many as the largest float has."""
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
UNSTORABLE_TOLD = "there is a character that no text can be stored with: U+0000, or half of a surrogate pair"


def read_json(text: str) -> JsonValue:
    """Return what a text holds. NaN and infinity are read, for a tool may write them. Raises ImportingError."""
    try:
        document: JsonValue = json.loads(text, parse_int=_bounded_integer)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ImportingError([(place, f"this is not JSON: {error.msg}")]) from error
    except RecursionError as error:
        raise ImportingError([("", f"this is nested more than {MAX_DEPTH} deep")]) from error
    for place, value in _values(document):
        if isinstance(value, str) and UNSTORABLE.search(value):
            raise ImportingError([(place, UNSTORABLE_TOLD)])
    return document


def require_finite(document: JsonValue) -> None:
    """Raise ImportingError if there is a number that is none."""
    for place, value in _values(document):
        if isinstance(value, float) and not math.isfinite(value):
            raise ImportingError([(place, f"{value} is no number; leave out what was not measured")])


def _bounded_integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ImportingError([("", f"an integer has more than {MAX_DIGITS} digits")])
    return int(text)


def _values(document: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    """Yield all values, keys among them, with their places. Raises ImportingError if they are nested too deeply."""
    level: list[tuple[str, JsonValue]] = [("", document)]
    for _ in range(MAX_DEPTH):
        yield from level
        level = [child for place, value in level for child in _children(place, value)]
        if not level:
            return
    raise ImportingError([("", f"this is nested more than {MAX_DEPTH} deep")])


def _children(place: str, value: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    before = f"{place}." if place else ""
    if isinstance(value, dict):
        for name, child in value.items():
            yield f"{before}{name!r} as a name", name
            yield f"{before}{name}", child
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield f"{before}{index}", child
