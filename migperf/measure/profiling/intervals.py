"""Arithmetic of times that may overlap. Intervals are half open, [start, end), in ns of one clock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Interval(NamedTuple):
    """A time from ``start_ns`` until just before ``end_ns``."""

    start_ns: int
    end_ns: int


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the same times as intervals that neither overlap nor touch, ascending."""
    merged: list[Interval] = []
    for start_ns, end_ns in sorted(one for one in intervals if one.end_ns > one.start_ns):
        if merged and start_ns <= merged[-1].end_ns:
            merged[-1] = Interval(merged[-1].start_ns, max(merged[-1].end_ns, end_ns))
        else:
            merged.append(Interval(start_ns, end_ns))
    return merged


def covered_ns(intervals: Iterable[Interval], span: Interval) -> int:
    """Return how much of the span lies in at least one of the intervals, ns: what is done at once counts once."""
    clipped = (Interval(max(one.start_ns, span.start_ns), min(one.end_ns, span.end_ns)) for one in intervals)
    return sum(one.end_ns - one.start_ns for one in union(clipped))


@dataclass(slots=True)
class _Open:
    """An interval that has begun and not ended: its place, its end, and what others have taken of it so far, ns."""

    position: int
    end_ns: int
    of_others_ns: int = 0


@dataclass(frozen=True, slots=True)
class Nesting:
    """How the calls of one thread lie in each other, in the order in which they were given.

    ``self_ns`` is the time of each that lies in none of those within it; ``parent`` the position of the call that it
    lies in, None where it lies in none.
    """

    self_ns: list[int]
    parent: list[int | None]


def nest(calls: Sequence[Interval]) -> Nesting:
    """Find out what lies in what among the calls of one thread.

    Of two that begin together the longer one is outside. One that seems to outlast what it lies in, as clocks that are
    rounded make it, counts until the end of that.
    """
    self_ns, parent = [0] * len(calls), [None] * len(calls)  # type: tuple[list[int], list[int | None]]
    stack: list[_Open] = []

    def close(until_ns: int | None) -> None:
        while stack and (until_ns is None or stack[-1].end_ns <= until_ns):
            ended = stack.pop()
            self_ns[ended.position] -= ended.of_others_ns

    for position in sorted(range(len(calls)), key=lambda i: (calls[i].start_ns, -calls[i].end_ns)):
        start_ns, end_ns = calls[position]
        close(start_ns)
        if stack:
            end_ns = min(end_ns, stack[-1].end_ns)
            stack[-1].of_others_ns += end_ns - start_ns
            parent[position] = stack[-1].position
        self_ns[position] = end_ns - start_ns
        stack.append(_Open(position, end_ns))
    close(None)
    return Nesting(self_ns, parent)
