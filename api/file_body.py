"""Bodies that are files of results: their text as it is, JSON or CSV, whose reader says what is wrong with it."""

from typing import Annotated, Any

from fastapi import Depends, Request

from api.errors import NotJsonError
from api.json_body import media_type_of
from migperf.histories.importing.errors import ImportingError

TYPES = ("application/json", "text/csv")
_WANTED = "results as JSON or CSV, with the header Content-Type: application/json or text/csv"


async def results_text(request: Request) -> str:
    """Return the text of a body. Raises NotJsonError for one of another type, and ImportingError if it is no text."""
    media_type = media_type_of(request)
    if media_type not in TYPES:
        raise NotJsonError(f"of type {media_type}" if media_type else "of no stated type", _WANTED)
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise NotJsonError(f"compressed ({encoding})", _WANTED)
    body = await request.body()
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportingError([("body", f"byte {error.start} is not UTF-8; convert the file")]) from error


ResultsText = Annotated[str, Depends(results_text)]


def described(json_example: dict[str, Any], csv_example: str) -> dict[str, Any]:
    """Return what OpenAPI says of such a body."""
    content = {
        "application/json": {"schema": {"type": "object"}, "example": json_example},
        "text/csv": {"schema": {"type": "string"}, "example": csv_example},
    }
    return {"requestBody": {"required": True, "content": content}}
