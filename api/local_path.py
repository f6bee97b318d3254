"""Paths of this service that came in a URL: where a person is sent next must not be somewhere else."""

import re

_LOCAL = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")
"""One slash: browsers read two, or one and a backslash, as the beginning of a host, and skip control characters."""


def local_path(text: str) -> str:
    """Return the path, with its query, if it leads to this service; else that of the first page."""
    return text if text.isascii() and _LOCAL.fullmatch(text) else "/"
