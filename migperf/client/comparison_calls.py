"""The part of the client that compares runs."""

from collections.abc import Iterable
from typing import Protocol

from migperf.client.comparison_models import ComparisonView
from migperf.client.transport import Query, Transport

Runs = str | Iterable[str]
"""Ids of one or several runs of one benchmark."""


class _Connected(Protocol):
    _transport: Transport


class ComparisonCalls:
    """What a client can ask about runs beside other runs."""

    def compare(
        self: _Connected,
        baseline: Runs,
        *candidates: Runs,
        statistic: str = "mean",
        margin: float = 0.01,
        level: float = 0.95,
        paired: bool = False,
    ) -> ComparisonView:
        """Return whether each candidate is faster or slower than the baseline, and what differs besides.

        ``statistic`` is ``mean``, ``p50``, ``p90``, ``p95`` or ``p99`` of each run's steps, ``margin`` the relative
        difference that does not matter. ``paired``: the runs of both sides, in their order, were made in pairs.
        Raises RequestRefusedError for runs that cannot be compared, and ApiNotFoundError.
        """
        query: Query = [
            ("baseline", _joined(baseline)),
            *(("candidate", _joined(candidate)) for candidate in candidates),
            ("statistic", statistic),
            ("margin", str(margin)),
            ("level", str(level)),
            ("paired", str(paired).lower()),
        ]
        return self._transport.get(ComparisonView, "/v1/comparison", query)


def _joined(runs: Runs) -> str:
    return runs if isinstance(runs, str) else ",".join(runs)
