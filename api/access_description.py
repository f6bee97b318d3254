"""What the OpenAPI document says about access: the two ways to be known, the scope of each operation, its refusals."""

from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from api.caller import SESSION_COOKIE
from api.needs import declared
from api.problems import CROSS_ORIGIN, MISSING_SCOPE, TOO_MANY_ATTEMPTS, UNAUTHENTICATED, documented
from migperf.access.scope import Scope, in_order

_SCHEMES = {
    "api_key": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "migperf_<id>_<secret>",
        "description": "An API key, where the service asks for one (`MIGPERF_AUTHENTICATION=required`). Scopes: "
        + "; ".join(f"`{scope}`: {scope.meaning}" for scope in Scope)
        + ".",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "A browser whose user has signed in at `/sign-in`. Requests that change something must come "
        "from the service's own pages, or carry `X-CSRF-Token`.",
    },
}


def describe_access(app: FastAPI, document: dict[str, Any]) -> None:
    """Put into the document what access each operation needs. Doing so twice changes nothing."""
    document.setdefault("components", {})["securitySchemes"] = _SCHEMES
    refusals = documented(UNAUTHENTICATED, MISSING_SCOPE, CROSS_ORIGIN, TOO_MANY_ATTEMPTS)
    for context in iter_route_contexts(app.routes):
        needed = in_order(scope for scope in scopes_of_route(context) if scope is not None)
        for method in context.methods or ():
            operation = document["paths"].get(context.path, {}).get(method.lower())
            if operation is None:
                continue
            operation["security"] = [{scheme: [str(needed[-1])]} for scheme in _SCHEMES] if needed else []
            if needed:
                added = {str(status): refusals[status] for status in (401, 403, 429)}
                operation["responses"] = dict(sorted((added | operation["responses"]).items()))


def scopes_of_route(context: Any) -> list[Scope | None]:  # noqa: ANN401 - FastAPI does not name its class
    """Return what a route declares; None in it says that it is open."""
    dependant: Dependant | None = getattr(context, "dependant", None)
    return [] if dependant is None else declared(dependant)
