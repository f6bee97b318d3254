"""The page that tells a person in a browser what a problem document tells a program."""

from collections.abc import Mapping, Sequence

from fastapi import Request
from fastapi.responses import HTMLResponse

from api.asker import Asker, is_for_programs
from api.caller import caller_of
from api.links import Links
from api.pages import Pages
from api.problems import FieldProblem, ProblemKind


def wants_page(request: Request) -> bool:
    """Tell whether a problem is to be told as a page: a person asked for one.

    What is for programs answers with problem documents whoever asks, and so does everything where nobody shows a wish.
    """
    return Asker.of(request) is Asker.PERSON and not is_for_programs(request)


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
