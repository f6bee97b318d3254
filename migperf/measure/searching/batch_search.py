"""The search for the largest batch size that fits: doubling, then bisecting. Decides; tries nothing itself."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class LimitedBy(StrEnum):
    """Why no larger batch size was found to fit."""

    MEMORY = "memory"
    LIMIT = "limit"
    """The search was not to go on."""
    PARAMETERS = "parameters"
    """The workload takes no larger size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """The largest size that fitted, 0 for none, and the smallest one above it that could not be had."""

    largest: int
    above: int
    limited_by: LimitedBy


class BatchSearch:
    """Says which size to try next, and at last the result.

    Doubles from ``first`` until a size does not fit, or ``limit`` does; then halves the gap between the largest size
    that fitted and the smallest that did not, until no size is allowed between them. If ``first`` does not fit, the gap
    is the one below it. At most about 2 log2(``limit``) sizes are tried.

    If fitting is monotone, the result is the largest size that fits. If it is not, the result still fitted, and the
    next allowed size above it was tried and did not.
    """

    def __init__(self, first: int, limit: int, allowed: Callable[[int], bool] = lambda _: True) -> None:
        self._limit, self._allowed = limit, allowed
        self._fits = 0
        self._too_large: int | None = None
        self._forbidden: int | None = None
        """The smallest size that doubling has come to and that is not allowed."""
        self.tried = 0
        self.next: int | None = first
        """The size to try; None when the result is there."""

    def take(self, *, fits: bool) -> None:
        """Take in whether ``next`` fits."""
        if self.next is None:
            raise ValueError("the search has ended")
        self.tried += 1
        if fits:
            self._fits = self.next
        else:
            self._too_large = self.next
        self.next = self._choose()

    def most_left(self) -> int:
        """Return how many more sizes may have to be tried at most."""
        if self.next is None:
            return 0
        top = self._top()
        if top is not None:
            return _halvings(self._fits, top)
        fits, size, tried, most = self._fits, self.next, 1, 0
        while True:
            most = max(most, tried + _halvings(fits, size))
            if size >= self._limit:
                return most
            fits, size, tried = size, min(2 * size, self._limit), tried + 1

    def result(self) -> BatchResult:
        """Return what was found. Raises ValueError before the end."""
        if self.next is not None:
            raise ValueError("the search has not ended")
        if self._too_large is not None:
            return BatchResult(largest=self._fits, above=self._too_large, limited_by=LimitedBy.MEMORY)
        limited_by = LimitedBy.LIMIT if self._fits == self._limit else LimitedBy.PARAMETERS
        return BatchResult(largest=self._fits, above=self._fits + 1, limited_by=limited_by)

    def _top(self) -> int | None:
        """Return the smallest size known not to be the result, None while doubling."""
        known = [size for size in (self._too_large, self._forbidden) if size is not None]
        return min(known, default=None)

    def _choose(self) -> int | None:
        if self._top() is None:
            if self._fits == self._limit:
                return None
            doubled = min(2 * self._fits, self._limit)
            if self._allowed(doubled):
                return doubled
            self._forbidden = doubled
        return next(self._between(), None)

    def _between(self) -> Iterator[int]:
        """Yield the allowed sizes between what fits and what does not, from the middle outwards."""
        low, high = self._fits, self._top() or self._limit
        middle = (low + high) // 2
        for distance in range(high - low):
            for size in (middle - distance, middle + distance):
                if low < size < high and self._allowed(size):
                    yield size


def _halvings(fits: int, too_large: int) -> int:
    """Return how many sizes may have to be tried at most to close the gap between the two."""
    return (too_large - fits - 1).bit_length()
