"""What a route asks of its callers: each declares a scope, or that it is open to everybody, as a dependency."""

from collections.abc import Iterator

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant

from api.caller import caller_of
from api.errors import MissingScopeError, UnauthenticatedError
from api.open_paths import is_open
from migperf.access.scope import Scope
from migperf.settings import Settings


class Needs:
    """Refuses callers without the scope. Who they are was found out before (``api.access``)."""

    def __init__(self, scope: Scope | None) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> None:
        """Raise MissingScopeError or UnauthenticatedError, where authentication is required."""
        settings: Settings = request.app.state.settings
        if not settings.authenticates or is_open(request.scope, settings):
            return
        caller = caller_of(request)
        if caller is None:
            raise UnauthenticatedError
        if self.scope is not None and self.scope not in caller.scopes:
            raise MissingScopeError(self.scope, caller)


OPEN = Depends(Needs(None))
"""Everybody may; the path must be among those of ``api.open_paths``, too."""
READ = Depends(Needs(Scope.READ))
SUBMIT = Depends(Needs(Scope.SUBMIT))
OPERATE = Depends(Needs(Scope.OPERATE))
ADMIN = Depends(Needs(Scope.ADMIN))


def declared(dependant: Dependant) -> list[Scope | None]:
    """Return what a route declares, from its router's declaration on; empty where it has forgotten to."""
    return [needs.scope for needs in _all_of(dependant)]


def _all_of(dependant: Dependant) -> Iterator[Needs]:
    for part in dependant.dependencies:
        if isinstance(part.call, Needs):
            yield part.call
        yield from _all_of(part)
