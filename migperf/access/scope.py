"""Scopes: what the holder of an API key may do."""

from collections.abc import Iterable
from enum import StrEnum


class Scope(StrEnum):
    """A kind of thing that can be done. Every scope has ``READ`` in it, and ``ADMIN`` has all."""

    READ = "read"
    SUBMIT = "submit"
    OPERATE = "operate"
    ADMIN = "admin"

    @property
    def meaning(self) -> str:
        """What it allows, as people are told it."""
        return _MEANINGS[self]


_MEANINGS = {
    Scope.READ: "look at everything but keys",
    Scope.SUBMIT: "submit and cancel runs and experiments, keep schedules, triage regressions",
    Scope.OPERATE: "change how GPUs are cut",
    Scope.ADMIN: "keep API keys and channels, delete runs and experiments, and all that the others allow",
}


def granted(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """Return the scopes that a key with these has, those that they contain among them."""
    own = frozenset(scopes)
    if Scope.ADMIN in own:
        return frozenset(Scope)
    return own | {Scope.READ} if own else own


def in_order(scopes: Iterable[Scope]) -> tuple[Scope, ...]:
    """Return scopes without doubles, from the one that allows least on."""
    given = frozenset(scopes)
    return tuple(scope for scope in Scope if scope in given)
