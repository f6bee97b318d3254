"""The catalogue of payloads: those shipped here, and those that installed packages add by entry point.

A third party registers a :class:`workloads.base.Card` under the entry-point group ``migperf.workloads``.
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoints, entry_points

from workloads.base import Card
from workloads.families import SHIPPED, Family

ENTRY_POINT_GROUP = "migperf.workloads"


class UnknownWorkloadError(LookupError):
    """No payload of that name is installed; the message names the nearest ones."""

    def __init__(self, name: str, known: Mapping[str, Card]) -> None:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or sorted(known)[:5]
        super().__init__(f"no workload is called {name!r}; nearest: {', '.join(near)}. `migperf workloads` lists all.")
        self.name = name
        self.nearest = tuple(near)


class DuplicateWorkloadError(ValueError):
    """Two cards carry one name; one of the packages that provide them must rename its own."""


@dataclass(frozen=True, slots=True)
class Provider:
    """An installed distribution that adds workloads."""

    name: str
    version: str


@cache
def catalogue() -> Mapping[str, Card]:
    """Return every card by name, in alphabetical order.

    Raises DuplicateWorkloadError when an installed package reuses a name.
    """
    cards: dict[str, Card] = {}
    for card in _all_cards():
        if card.name in cards:
            raise DuplicateWorkloadError(f"two installed workloads are called {card.name!r}")
        cards[card.name] = card
    return dict(sorted(cards.items()))


def card(name: str) -> Card:
    """Return the card of that name. Raises UnknownWorkloadError."""
    known = catalogue()
    if name not in known:
        raise UnknownWorkloadError(name, known)
    return known[name]


@cache
def providers() -> Mapping[str, Provider]:
    """Return which distribution adds each workload, by the workload's name; those shipped here have none."""
    return {
        point.load().name: Provider(point.dist.name, point.dist.version) for point in _added() if point.dist is not None
    }


def families() -> tuple[Family, ...]:
    """Return the catalogue by families: those shipped here, then one for each distribution that adds workloads."""
    by_provider: dict[str, list[Card]] = {}
    for name, provider in providers().items():
        by_provider.setdefault(f"{provider.name} {provider.version}", []).append(card(name))
    return (*SHIPPED, *(Family(title=title, cards=tuple(cards)) for title, cards in sorted(by_provider.items())))


def family_of(name: str) -> Family | None:
    """Return the family of a workload; None where no installed distribution owns up to it."""
    return next((family for family in families() if any(card.name == name for card in family.cards)), None)


def _added() -> EntryPoints:
    return entry_points(group=ENTRY_POINT_GROUP)


def _all_cards() -> Iterator[Card]:
    for family in SHIPPED:
        yield from family.cards
    for point in _added():
        yield point.load()
