"""Following one run: what has changed since the last look, as server-sent events."""

from collections.abc import Iterator

from fastapi.sse import ServerSentEvent
from sqlalchemy.orm import Session

from api.links import Links
from api.schemas.runs import RunView
from api.schemas.timeline import Gone, Progress, TimelineItem
from migperf.errors import NotFoundError
from migperf.store import runs
from migperf.store.database import Database
from migperf.store.runs import Standing


class RunWatch:
    """Remembers what one watcher has seen of one run. Holds no connection between looks."""

    def __init__(self, database: Database, links: Links, run_id: str, last_event_id: int) -> None:
        self.over = False
        self._database = database
        self._links = links
        self._run_id = run_id
        self._last_event_id = last_event_id
        self._seen: Standing | None = None

    def require_run(self) -> None:
        """Raise NotFoundError unless there is such a run."""
        with self._database.read() as session:
            if runs.standing(session, self._run_id) is None:
                raise NotFoundError("run", self._run_id)

    def look(self) -> list[ServerSentEvent]:
        """Return the events since the last look; cheap when nothing has changed. Sets ``over`` after the last one."""
        try:
            with self._database.read() as session:
                return list(self._changes(session))
        except NotFoundError:
            self.over = True
            return [ServerSentEvent(event="gone", data=Gone(run_id=self._run_id))]

    def _changes(self, session: Session) -> Iterator[ServerSentEvent]:
        # The run is read before its events: it may be older than they are, but a final run has all of them.
        now, seen = runs.standing(session, self._run_id), self._seen
        if now is None:
            raise NotFoundError("run", self._run_id)
        if seen is not None and now.version == seen.version:
            return
        self._seen = now
        if seen is None or (now.state, now.phase, now.attempt) != (seen.state, seen.phase, seen.attempt):
            for event in runs.events_after(session, self._run_id, self._last_event_id):
                self._last_event_id = event.id
                yield ServerSentEvent(event=event.kind, id=str(event.id), data=TimelineItem.of(event))
        self.over = now.state.is_final
        if self.over:
            yield ServerSentEvent(event="end", data=RunView.of(runs.get(session, self._run_id), self._links))
        else:
            yield ServerSentEvent(event="progress", data=Progress.of(now))
