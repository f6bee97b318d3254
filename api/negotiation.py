"""Which form of an answer the client wants, by the header ``Accept``."""

from collections.abc import Mapping
from typing import TypeVar

Form = TypeVar("Form")


def preferred(accept: str, offered: Mapping[str, Form], otherwise: Form) -> Form:
    """Return the offered form whose media type the header likes best; ``otherwise`` where it names none of them.

    The first of equals wins. Ranges such as ``text/*`` are not looked at (RFC 9110, section 12.5.1).
    """
    wishes = [(media_type, weight) for media_type, weight in map(_wish, accept.split(",")) if weight > 0]
    for media_type, _ in sorted(wishes, key=lambda wish: -wish[1]):
        if media_type in offered:
            return offered[media_type]
        if media_type == "*/*":
            return otherwise
    return otherwise


def _wish(part: str) -> tuple[str, float]:
    media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
    weights = [parameter[2:] for parameter in parameters if parameter.startswith("q=")]
    return media_type, _weight(weights[0]) if weights else 1.0


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
