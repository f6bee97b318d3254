"""The root of every error that migperf raises on purpose. Each says what went wrong, on what, and what to do."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pydantic import ValidationError


class MigperfError(Exception):
    """Base class: catch this to catch whatever migperf itself refuses or fails at."""


class ConfigurationError(MigperfError):
    """A setting is missing, malformed or contradicts another; the message names the setting."""


class NotFoundError(MigperfError):
    """The thing that was asked for does not exist (any more)."""

    def __init__(self, what: str, key: str, names: Iterable[str] | None = None) -> None:
        """``key`` is an id; with ``names``, it is a name, and these are the names that there are."""
        if names is None:
            super().__init__(f"no {what} with id {key!r}")
        else:
            super().__init__(f"no {what} is named {key!r}; there are: {', '.join(names) or 'none'}")
        self.what = what
        self.key = key


class ConflictError(MigperfError):
    """The request does not fit the present state; the message says what would."""


class DocumentError(MigperfError):
    """A document that a person wrote cannot be understood: each problem with its place in it."""

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        """Place in the document, such as ``matrix.benchmark.parameters.batch_size``, and what is wrong there."""
        super().__init__("; ".join(f"{place}: {problem}" if place else problem for place, problem in self.problems))

    @classmethod
    def of(cls, error: "ValidationError", place: str = "") -> Self:
        """Return the error with the places that a validation found; what was validated lies at ``place``."""
        return cls((".".join(filter(None, (place, *map(str, e["loc"])))), remedy(e)) for e in error.errors())


_REMEDIES: Mapping[str, str] = {
    "extra_forbidden": "unknown field; check its spelling or leave it out",
    "missing": "required, but missing",
}


def remedy(error: Mapping[str, Any]) -> str:
    """Return what would be right, of an error that Pydantic has found."""
    return _REMEDIES.get(error["type"]) or str(error["msg"]).removeprefix("Value error, ")
