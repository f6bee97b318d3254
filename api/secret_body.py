"""Routes whose bodies hold secrets: what they refuse is named, but not repeated."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError

from api.json_body import JsonRoute


class SecretRoute(JsonRoute):
    """A route whose refusals say which field is wrong and what would be right, never what was given.

    Also a field that is right would be shown along with one that is wrong: where user and password do not go together,
    what was given is both.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler so that its refusals lose what was given."""
        handler = super().get_route_handler()

        async def refuse_discreetly(request: Request) -> Response:
            try:
                return await handler(request)
            except RequestValidationError as error:
                told = [{name: value for name, value in e.items() if name != "input"} for e in error.errors()]
                raise RequestValidationError(told) from None

        return refuse_discreetly
