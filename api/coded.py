"""Texts in which `backticks` stand around code, as documents have them, for pages."""

import re

from markupsafe import Markup, escape

_CODE = re.compile("`([^`]+)`")


def coded(text: str) -> Markup:
    """Return a text as HTML, with what stands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - it is escaped
