"""Rendering web pages: the templates, their vocabulary, and the headers that keep a page from doing harm."""

from importlib.resources import files

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

import migperf
from api import formatting, history_words
from api.links import Links
from api.plotly_script import plotly_version
from migperf.histories.wording import percent
from migperf.measure.engine import engine_words
from migperf.statistics.digits import duration

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class Pages:
    """Renders the templates. Whatever is put into one is escaped; a name that is missing is an error."""

    def __init__(self) -> None:
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
            "moment_in": formatting.moment_in,
            "size": formatting.size,
            "duration": duration,
            "engine": engine_words,
            "words": history_words.words,
            "percent": percent,
            "changes": history_words.environment,
        }

    def render(self, template: str, links: Links, status: int = 200, **context: object) -> HTMLResponse:
        """Return a page."""
        text = self._templates.get_template(template).render(links=links, **context)
        return HTMLResponse(text, status, HEADERS)
