"""Every page that the application serves, so that a check of all pages cannot forget a new one."""

from collections.abc import Iterator, Mapping, Sequence

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from fastapi.routing import iter_route_contexts

NOTHING = "nothing-has-this-name"
"""In the place of an id or a name, so that a page says what it says of what is not there."""


def page_paths(app: FastAPI) -> set[str]:
    """Return the paths of all routes that answer with a page, with their parameters as ``/runs/{run_id}``."""
    return {
        str(context.path)
        for context in iter_route_contexts(app.routes)
        if "GET" in (context.methods or ()) and getattr(context, "response_class", None) is HTMLResponse
    }


def without_contents(app: FastAPI) -> Sequence[str]:
    """Return an address for each page of a service in which there is nothing; not of those that REST makes."""
    pages = (path for path in page_paths(app) if not path.startswith("/v1/"))
    return sorted("/".join(_no_name(part) for part in path.split("/")) for path in pages)


def _no_name(part: str) -> str:
    return NOTHING if part.startswith("{") else part


def addresses(app: FastAPI, known: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the known addresses of every page; of a page without parameters its path is one. Raises KeyError.

    ``known`` gives, by path, those of pages with parameters, and further ones of others.
    """
    for path in sorted(page_paths(app)):
        if "{" not in path:
            yield path
            yield from known.get(path, ())
        else:
            yield from known[path]
