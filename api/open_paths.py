"""The paths that everybody may ask for, also where authentication is required. Whatever is not here is not open."""

from starlette._utils import get_route_path  # what the router itself goes by: judging another path would be a hole
from starlette.types import Scope

from migperf.settings import Settings

SIGN_IN = "/sign-in"
_OPEN = frozenset({"/v1/health", "/v1/ready", SIGN_IN})
_OPEN_BELOW = ("/static/", "/problems/")


def path_of(scope: Scope) -> str:
    """Return the path that is asked for, without the prefix that a proxy has put before it."""
    return get_route_path(scope)


def is_open(scope: Scope, settings: Settings) -> bool:
    """Tell whether a request needs no key."""
    path = path_of(scope)
    return path in _OPEN or path.startswith(_OPEN_BELOW) or (settings.metrics_open and path == "/metrics")
