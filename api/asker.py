"""Who sends a request: a person whose browser waits for a page, or a program that reads documents."""

from enum import Enum, auto

from fastapi import Request

from api.negotiation import preferred
from api.open_paths import path_of

_FOR_PROGRAMS = ("/v1/", "/metrics")


class Asker(Enum):
    """Who sends a request, as far as it shows."""

    PERSON = auto()
    """A browser that opens what is asked for, or who would rather have HTML than JSON."""
    PROGRAM = auto()
    """Who sends a key or changes something; also a page's script, which is to be told that it gets no page."""
    UNKNOWN = auto()
    """Who takes whatever comes, or wishes for a document, which pages are none of."""

    @classmethod
    def of(cls, request: Request) -> "Asker":
        """Tell by what browsers say of themselves, else by the form of the answer that is wished for."""
        if request.method not in ("GET", "HEAD") or "authorization" in request.headers:
            return cls.PROGRAM
        if (mode := request.headers.get("sec-fetch-mode")) is not None:
            return cls.PERSON if mode == "navigate" else cls.PROGRAM
        forms = dict.fromkeys(("application/json", "application/problem+json"), cls.UNKNOWN) | {"text/html": cls.PERSON}
        return preferred(request.headers.get("accept", ""), forms, otherwise=cls.UNKNOWN)


def is_for_programs(request: Request) -> bool:
    """Tell whether there is no page at the path that is asked for, whoever asks."""
    return path_of(request.scope).startswith(_FOR_PROGRAMS)
