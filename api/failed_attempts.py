"""Slowing down whoever tries keys: so many failures from one address, then none is looked at for a while.

In the memory of one process, for it protects log and database from noise; nobody can guess a key of 192 random bits. A
key that has been good from an address goes on being looked at, so that a neighbour with a wrong one shuts nobody out.
"""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LIMIT = 10
WINDOW_S = 60.0
MOST_REMEMBERED = 10_000
_IPV6_PREFIX = 64


@dataclass(slots=True)
class _Failures:
    until_s: float
    count: int = 0


class FailedAttempts:
    """Failures by address; an IPv6 address stands for its /64, which one host can have for itself."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._good: OrderedDict[tuple[str, str], None] = OrderedDict()

    def wait_s(self, address: str, digest: str) -> float:
        """Return for how long a key, known by its digest, is not looked at; 0 where it may be."""
        place = _network(address)
        found = self._failures.get(place)
        if found is None or found.count < LIMIT or (place, digest) in self._good:
            return 0.0
        return max(0.0, found.until_s - self._clock())

    def failed(self, address: str) -> bool:
        """Count a failure. Return whether it is the one after which no more are looked at."""
        place, now_s = _network(address), self._clock()
        found = self._failures.get(place)
        if found is None or found.until_s <= now_s:
            found = self._failures[place] = _Failures(now_s + WINDOW_S)
            self._failures.move_to_end(place)
            _forget(self._failures)
        found.count += 1
        return found.count == LIMIT

    def succeeded(self, address: str, digest: str) -> None:
        """Remember that a key was good from an address."""
        self._good[_network(address), digest] = None
        self._good.move_to_end((_network(address), digest))
        _forget(self._good)


def _forget(remembered: OrderedDict[Any, Any]) -> None:
    while len(remembered) > MOST_REMEMBERED:
        remembered.popitem(last=False)


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:  # noqa: PLR2004 - of the protocol
        return address
    return str(ipaddress.ip_network((int(parsed), _IPV6_PREFIX), strict=False))
