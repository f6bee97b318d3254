"""The page that tells a person in a browser what a problem document tells a program."""

from collections.abc import Mapping, Sequence

from fastapi import Request
from fastapi.responses import HTMLResponse

from api.caller import caller_of
from api.links import Links
from api.negotiation import preferred
from api.open_paths import path_of
from api.pages import Pages
from api.problems import FieldProblem, ProblemKind

_FOR_PROGRAMS = ("/v1/", "/metrics", "/static/", "/plotly/")
_FORMS = {"text/html": True, "application/json": False, "application/problem+json": False}


def wants_page(request: Request) -> bool:
    """Tell whether a problem is to be told as a page: a page was asked for, and by who would rather have HTML.

    What is for programs answers with problem documents whoever asks. A page's script that asks for a page has no wish
    (``Accept: */*``), and is given a document as well.
    """
    if request.method not in ("GET", "HEAD") or path_of(request.scope).startswith(_FOR_PROGRAMS):
        return False
    return preferred(request.headers.get("accept", ""), _FORMS, otherwise=False)


def problem_page(
    request: Request,
    kind: ProblemKind,
    detail: str,
    *,
    errors: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """Return the page: what is wrong, field by field where that is known, and where to go from here."""
    pages: Pages = request.app.state.pages
    links = Links(request.scope.get("root_path", ""))
    page = pages.seen_by(caller_of(request)).render(
        "refused.html", links, status=kind.status, kind=kind, detail=detail, errors=errors
    )
    page.headers.update({"Vary": "Accept", **(headers or {})})
    return page
