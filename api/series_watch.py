"""Following the series of one run while they grow: what has come since the last look, as server-sent events."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fastapi.sse import ServerSentEvent
from sqlalchemy.orm import Session

from api.links import Links
from api.schemas.runs import RunView
from api.schemas.series import Restart, Samples
from api.schemas.timeline import Gone
from api.schemas.view import View
from api.series_cursor import SeriesCursor, Told, attempt_of
from migperf.errors import NotFoundError
from migperf.metrics.downsampling import downsample
from migperf.metrics.series import Chunk, Gap
from migperf.store import runs, series
from migperf.store.database import Database
from migperf.store.runs import Standing
from migperf.store.series import SeriesHead


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a watcher asks for: which series (none named: all), and about how many samples of one at a time."""

    names: tuple[str, ...] = ()
    points: int


@dataclass(frozen=True, slots=True)
class _News:
    """What has come to one series; ``samples`` is how many the chunk stands for."""

    head: SeriesHead
    chunk: Chunk
    gaps: tuple[Gap, ...]
    samples: int


class SeriesWatch:
    """Remembers what one watcher has been told of the series of one run. Holds no connection between looks."""

    def __init__(
        self, database: Database, links: Links, run_id: str, wanted: Wanted, cursor: SeriesCursor | None = None
    ) -> None:
        self.over = False
        self._database = database
        self._links = links
        self._run_id = run_id
        self._wanted = wanted
        self._cursor = cursor or SeriesCursor(0)
        self._first = True
        self._names: dict[int, str] = {}
        """Of the series that were seen, by id."""

    def require_run(self) -> None:
        """Raise NotFoundError unless there is such a run."""
        with self._database.read() as session:
            self._standing(session)

    def look(self) -> list[ServerSentEvent]:
        """Return the events since the last look. Sets ``over`` after the last one."""
        try:
            with self._database.read() as session:
                return list(self._events(session))
        except NotFoundError:
            self.over = True
            return [ServerSentEvent(event="gone", data=Gone(run_id=self._run_id))]

    def _events(self, session: Session) -> Iterator[ServerSentEvent]:
        # The run is read before its series: a final run has all of them. It is read again afterwards, for samples of
        # two attempts must not be taken for those of one.
        now = self._standing(session)
        heads = series.list_heads(session, self._run_id) if self._first or now.state.is_final else None
        if self._begin_anew(now, heads):
            yield self._event("restart", Restart(attempt=self._cursor.attempt))
        news = list(self._news(session, heads or ()))
        if _attempt(self._standing(session)) != self._cursor.attempt:
            return
        self._first = False
        for one in news:
            yield from self._tell(one)
        self.over = now.state.is_final
        if self.over:
            yield ServerSentEvent(event="end", data=RunView.of(runs.get(session, self._run_id), self._links))

    def _standing(self, session: Session) -> Standing:
        found = runs.standing(session, self._run_id)
        if found is None:
            raise NotFoundError("run", self._run_id)
        return found

    def _begin_anew(self, now: Standing, heads: Sequence[SeriesHead] | None) -> bool:
        """Forget what was told if it was of another attempt; tell whether the watcher has anything to forget."""
        self._names |= {head.id: head.metric.name for head in heads or ()}
        attempt, told = _attempt(now), self._cursor.told
        gone = heads is not None and not told.keys() <= {head.id for head in heads}
        if self._cursor.attempt == attempt and not gone:
            return False
        self._cursor = SeriesCursor(attempt)
        return bool(told)

    def _news(self, session: Session, heads: Sequence[SeriesHead]) -> Iterator[_News]:
        """Yield what is new; at first series by series, so that of a long past only one is in memory."""
        names = self._wanted.names
        after = {self._names[i]: told.last_ns for i, told in self._cursor.told.items() if told.last_ns is not None}
        wanted = [head.metric.name for head in heads if not names or head.metric.name in names]
        for asked in ((name,) for name in wanted) if self._first else (names,):
            for head, chunk, gaps in series.since(session, self._run_id, after, asked):
                shown = downsample(chunk, self._wanted.points, kind=head.metric.kind, gaps=gaps)
                yield _News(head, shown, gaps, len(chunk))

    def _tell(self, news: _News) -> Iterator[ServerSentEvent]:
        told = self._cursor.told.get(news.head.id, Told())
        gaps = told.news(news.gaps)
        if not len(news.chunk) and not gaps:
            return
        self._names[news.head.id] = news.head.metric.name
        self._cursor = self._cursor.after(news.head.id, told.after(news.chunk, gaps))
        yield self._event("samples", Samples.of(news.head, self._cursor.attempt, news.chunk, gaps, news.samples))

    def _event(self, name: str, data: View) -> ServerSentEvent:
        return ServerSentEvent(event=name, id=self._cursor.encode(self._run_id), data=data)


def _attempt(now: Standing) -> int:
    return attempt_of(now.attempt, now.state)
