"""Refusing one field for a reason that only shows once the request meets what it is about."""

from fastapi.exceptions import RequestValidationError


def invalid(where: tuple[str, ...], message: str, given: object) -> RequestValidationError:
    """Return the error of a request whose field at ``where``, such as ``("body", "layout")``, cannot be had."""
    return RequestValidationError([{"type": "not_possible", "loc": where, "msg": message, "input": given}])
