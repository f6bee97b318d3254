"""The root of every error that migperf raises on purpose. Each says what went wrong, on what, and what to do."""

from collections.abc import Iterable


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
