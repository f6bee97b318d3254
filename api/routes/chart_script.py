"""The script that draws charts: out of the installed package, so that no page asks another host for it."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.needs import READ
from api.plotly_script import entity_tag, plotly_script, plotly_version
from migperf.errors import NotFoundError

router = APIRouter(include_in_schema=False, dependencies=[READ])
_A_YEAR_S = 31_536_000


@router.get("/plotly/{version}.js")
def get_plotly(version: str, request: Request) -> Response:
    """Return Plotly's script, to be kept for good: another version has another path."""
    if version != plotly_version():
        raise NotFoundError("version of Plotly's script", version, [plotly_version()])
    script = plotly_script()
    compressed = "gzip" in request.headers.get("Accept-Encoding", "")
    tag = f'"{entity_tag()}{"-gzip" if compressed else ""}"'
    headers = {"ETag": tag, "Cache-Control": f"public, max-age={_A_YEAR_S}, immutable", "Vary": "Accept-Encoding"}
    if request.headers.get("If-None-Match") == tag:
        return Response(status_code=304, headers=headers)
    if compressed:
        headers["Content-Encoding"] = "gzip"
    content = script.compressed if compressed else script.plain
    return Response(content, media_type="text/javascript; charset=utf-8", headers=headers)
