"""Rendering web pages: the templates, their vocabulary, and the headers that keep a page from doing harm."""

from collections.abc import Mapping
from copy import copy
from importlib.resources import files

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

import migperf
from api import formatting, history_words
from api.caller import Caller
from api.coded import coded
from api.links import Links
from api.plotly_script import plotly_version
from migperf.access.scope import Scope
from migperf.analysis.advisor import wording
from migperf.histories.wording import percent
from migperf.measure.engine import engine_words
from migperf.statistics.digits import duration

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
HEADERS_WITH_FORM = HEADERS | {
    "Content-Security-Policy": HEADERS["Content-Security-Policy"].replace("form-action 'none'", "form-action 'self'"),
    # With "no-referrer" a browser would not say from which origin a form was sent.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of pages that have a form without a script: where people sign in and out. Nothing of them is kept."""


class Pages:
    """Renders the templates. Whatever is put into one is escaped; a name that is missing is an error."""

    def __init__(self) -> None:
        self._caller: Caller | None = None
        self._templates = Environment(
            loader=FileSystemLoader(str(files("api") / "templates")),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["version"] = migperf.__version__
        self._templates.globals["plotly_version"] = plotly_version()
        self._templates.filters |= {
            "number": formatting.number,
            "defended": formatting.defended,
            "defended_bounds": formatting.defended_bounds,
            "bounds": formatting.bounds,
            "moment": formatting.moment,
            "machine_time": formatting.machine_time,
            "moment_in": formatting.moment_in,
            "size": formatting.size,
            "coded": coded,
            "duration": duration,
            "engine": engine_words,
            "words": history_words.words,
            "percent": percent,
            "rate": wording.number,
            "changes": history_words.environment,
        }

    def seen_by(self, caller: Caller | None) -> "Pages":
        """Return the same pages, with who has signed in in their header."""
        pages = copy(self)
        pages._caller = caller
        return pages

    def may(self, scope: str) -> bool:
        """Tell whether whoever sees the page may do what needs the scope: everybody may where nobody is asked.

        It decides what a page offers. What is done, the routes decide (``api.needs``).
        """
        return self._caller is None or Scope(scope) in self._caller.scopes

    def render(
        self,
        template: str,
        links: Links,
        status: int = 200,
        *,
        headers: Mapping[str, str] | None = None,
        **context: object,
    ) -> HTMLResponse:
        """Return a page."""
        text = self._templates.get_template(template).render(links=links, caller=self._caller, may=self.may, **context)
        return HTMLResponse(text, status, headers or (HEADERS_WITH_FORM if self._caller else HEADERS))
