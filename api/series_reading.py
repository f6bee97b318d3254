"""Reading one series as a client asked for it: a page, all of it, or downsampled; always with its gaps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from sqlalchemy.orm import Session

from api.schemas.queries import DEFAULT_LIMIT, SeriesQuery
from api.schemas.series import GapView, SeriesView, Window, about, columns, is_simulated
from migperf.metrics.downsampling import Method, downsample
from migperf.metrics.metric import NS_PER_S
from migperf.metrics.series import Chunk, Gap
from migperf.store import series
from migperf.store.models import Run
from migperf.store.series import SeriesHead


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read of a series: ``samples`` is how many the chunk stands for, the next page begins at ``next_ns``."""

    head: SeriesHead
    chunk: Chunk
    gaps: Sequence[Gap]
    samples: int
    method: Method | None = None
    next_ns: int | None = None

    @classmethod
    def page(cls, session: Session, head: SeriesHead, query: SeriesQuery) -> Self:
        """Read one page, or all of the time that was asked for if it is to be downsampled."""
        if query.points is not None:
            return cls.whole(session, head, query)
        start_ns, end_ns = _span_ns(query)
        page = series.read_page(session, head.id, start_ns, end_ns, query.limit or DEFAULT_LIMIT)
        gaps = series.gaps(session, head.id, start_ns, end_ns if page.next_ns is None else page.next_ns)
        return cls(head=head, chunk=page.chunk, gaps=gaps, samples=len(page.chunk), next_ns=page.next_ns)

    @classmethod
    def whole(cls, session: Session, head: SeriesHead, query: SeriesQuery) -> Self:
        """Read all of the time that was asked for, downsampled if that was asked for."""
        start_ns, end_ns = _span_ns(query)
        gaps = series.gaps(session, head.id, start_ns, end_ns)
        if query.points is None:
            chunk = series.read(session, head.id, start_ns, end_ns)
            return cls(head=head, chunk=chunk, gaps=gaps, samples=len(chunk))
        method = query.method or Method.MIN_MAX
        if (start_ns, end_ns) == (None, None):
            chunk = series.downsample(session, head, query.points, method=method)
            samples = max(head.samples, len(chunk))
        else:
            whole = series.read(session, head.id, start_ns, end_ns)
            chunk = downsample(whole, query.points, method, kind=head.metric.kind, gaps=gaps)
            samples = len(whole)
        shown_as = method if len(chunk) < samples else None
        return cls(head=head, chunk=chunk, gaps=gaps, samples=samples, method=shown_as)

    def metadata(self) -> dict[str, str]:
        """Return what a table says of how it was read."""
        if self.method is None:
            return {}
        return {"downsampled_from": str(self.samples), "method": str(self.method)}

    def view(self, run: Run) -> SeriesView:
        """Return it as JSON shows it."""
        return SeriesView(
            **about(self.head),
            simulated=is_simulated(run),
            window=Window.of(run),
            downsampled_from=None if self.method is None else self.samples,
            method=self.method,
            gaps=[GapView.of(gap) for gap in self.gaps],
            **columns(self.chunk),
            next_start_s=None if self.next_ns is None else self.next_ns / NS_PER_S,
        )


def _span_ns(query: SeriesQuery) -> tuple[int | None, int | None]:
    return _nanoseconds(query.start_s), _nanoseconds(query.end_s)


def _nanoseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * NS_PER_S)
