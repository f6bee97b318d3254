"""Plotly's script as the installed package brings it: what draws the charts of pages, from this service alone."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class PlotlyScript:
    """The script, as it is and compressed; ``version`` tells it from that of any other package."""

    version: str
    plain: bytes
    compressed: bytes


def plotly_version() -> str:
    """Return the version of the installed package, which is a part of the script's path."""
    from plotly import __version__

    return str(__version__)


@cache
def plotly_script() -> PlotlyScript:
    """Return the script. Reading and compressing its 5 MB takes a part of a second, once."""
    from plotly.offline import get_plotlyjs

    plain = get_plotlyjs().encode()
    return PlotlyScript(plotly_version(), plain, gzip.compress(plain, compresslevel=6, mtime=0))


@cache
def entity_tag() -> str:
    """Return the strong ETag (RFC 9110) of the script as it is; that of the compressed one ends in ``-gzip``."""
    return hashlib.sha256(plotly_script().plain).hexdigest()[:32]
