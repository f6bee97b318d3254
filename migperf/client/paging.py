"""Listings that come in pages, as one."""

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from migperf.client.transport import Query

Item_co = TypeVar("Item_co", covariant=True)
MOST_AT_ONCE = 200


class Page(Protocol[Item_co]):
    """One page of a listing."""

    @property
    def items(self) -> tuple[Item_co, ...]:
        """What is on it."""
        ...

    @property
    def next_cursor(self) -> str | None:
        """The cursor of the next page, None on the last."""
        ...


def paged(get: Callable[[Query], Page[Item_co]], query: Query, limit: int) -> Iterator[Item_co]:
    """Yield at most ``limit`` items of a listing, of which ``get`` returns the page that a query asks for."""
    cursor: list[tuple[str, str]] = []
    while limit > 0:
        page = get([*query, ("limit", str(min(limit, MOST_AT_ONCE))), *cursor])
        yield from page.items[:limit]
        limit -= len(page.items)
        if page.next_cursor is None:
            return
        cursor = [("cursor", page.next_cursor)]
