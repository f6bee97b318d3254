"""Which stretch of a history's points a chart shows, and the stretches that lead from there."""

from dataclasses import dataclass
from typing import Self

NEWEST = 50
_LEAST = 5


@dataclass(frozen=True, slots=True)
class Span:
    """Places from ``first`` to ``last``, both included, of those from ``begin`` to ``end``, which is not."""

    first: int
    last: int
    begin: int
    end: int

    @classmethod
    def of(cls, begin: int, end: int, first: int | None = None, last: int | None = None) -> Self:
        """Return the stretch that was asked for as far as it exists; all where nothing was. There is at least one."""
        low = begin if first is None else min(max(first, begin), max(begin, end - 1))
        high = end - 1 if last is None else min(max(last, low), max(begin, end - 1))
        return cls(low, max(low, high), begin, max(end, begin + 1))

    @classmethod
    def about(cls, begin: int, end: int, first: int, last: int, around: int) -> Self:
        """Return the stretch with so many more places at both sides of two."""
        return cls.of(begin, end, first - around, last + around)

    @property
    def count(self) -> int:
        """How many places it has."""
        return self.last - self.first + 1

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return self.first == self.begin and self.last == self.end - 1

    @property
    def closer(self) -> "Span | None":
        """The middle half; None where that would be next to nothing."""
        quarter = self.count // 4
        return self._of(self.first + quarter, self.last - quarter) if self.count > _LEAST and quarter else None

    @property
    def wider(self) -> "Span | None":
        """Half as much again at both sides; None where all is shown."""
        half = max(1, self.count // 2)
        return None if self.is_all else self._of(self.first - half, self.last + half)

    @property
    def earlier(self) -> "Span | None":
        """As many places before these; None at the beginning."""
        first = max(self.begin, self.first - self.count)
        return None if self.first == self.begin else self._of(first, first + self.count - 1)

    @property
    def later(self) -> "Span | None":
        """As many places after these; None at the end."""
        last = min(self.end - 1, self.last + self.count)
        return None if self.last == self.end - 1 else self._of(last - self.count + 1, last)

    @property
    def newest(self) -> "Span | None":
        """The newest places; None where there are no more than these."""
        return self._of(self.end - NEWEST, self.end - 1) if self.end - self.begin > NEWEST else None

    @property
    def all(self) -> "Span":
        """All places."""
        return self._of(self.begin, self.end - 1)

    @property
    def query(self) -> str:
        """The query of a page's address that asks for it."""
        return "" if self.is_all else f"from={self.first}&to={self.last}"

    def _of(self, first: int, last: int) -> "Span":
        return Span.of(self.begin, self.end, first, last)
