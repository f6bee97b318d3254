"""The samples of a series as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from migperf.client.models import WindowView
from migperf.client.series_models import AbsenceView, GapView, SeriesPage

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesData:
    """One metric of a run over time: ``time_s`` since the run started on its node, and ``value`` in ``unit``.

    Both are float64 of shape (samples,). The window is what was measured; samples before it belong to warm-up. Within
    ``gaps`` nothing is known. ``downsampled_from`` is how many samples these stand for, None: they are all there.
    """

    name: str
    unit: str
    scope: str
    source: str
    kind: str
    period_ms: float | None
    absent: AbsenceView | None
    window: WindowView | None
    simulated: bool
    thinned_from: int | None
    downsampled_from: int | None
    method: str | None
    gaps: tuple[GapView, ...]
    time_s: "npt.NDArray[np.float64]"
    value: "npt.NDArray[np.float64]"

    def __len__(self) -> int:
        return len(self.time_s)

    def measured(self) -> "npt.NDArray[np.float64]":
        """Return the values within the measured window; all of them when no window is known."""
        if self.window is None:
            return self.value
        return self.value[(self.time_s >= self.window.start_s) & (self.time_s <= self.window.end_s)]


def join_pages(pages: Sequence[SeriesPage]) -> SeriesData:
    """Return one or more consecutive pages as one series."""
    import numpy as np

    last = pages[-1]
    gaps = {gap.start_s: gap for page in pages for gap in page.gaps}
    return SeriesData(
        name=last.name,
        unit=last.unit,
        scope=last.scope,
        source=last.source,
        kind=last.kind,
        period_ms=last.period_ms,
        absent=last.absent,
        window=last.window,
        simulated=last.simulated,
        thinned_from=last.thinned_from,
        downsampled_from=last.downsampled_from,
        method=last.method,
        gaps=tuple(gap for _, gap in sorted(gaps.items())),
        time_s=np.fromiter(chain.from_iterable(page.time_s for page in pages), np.float64),
        value=np.array([np.nan if v is None else v for page in pages for v in page.value], np.float64),
    )
