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
from migperf.store.models import Run


class RunWatch:
    """Remembers what one watcher has seen of one run. Holds no connection between looks."""

    def __init__(self, database: Database, links: Links, run_id: str, last_event_id: int) -> None:
        self.over = False
        self._database = database
        self._links = links
        self._run_id = run_id
        self._last_event_id = last_event_id
        self._version: int | None = None

    def require_run(self) -> None:
        """Raise NotFoundError unless there is such a run."""
        with self._database.read() as session:
            if runs.version(session, self._run_id) is None:
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
        version = runs.version(session, self._run_id)
        if version is not None and version == self._version:
            return
        # The run is read before its events: it may be older than they are, but a final run has all of them.
        run = runs.get(session, self._run_id)
        for event in runs.events_after(session, self._run_id, self._last_event_id):
            self._last_event_id = event.id
            yield ServerSentEvent(event=event.kind, id=str(event.id), data=TimelineItem.of(event))
        self._version = run.version
        self.over = run.state.is_final
        yield self._standing(run)

    def _standing(self, run: Run) -> ServerSentEvent:
        if self.over:
            return ServerSentEvent(event="end", data=RunView.of(run, self._links))
        return ServerSentEvent(event="progress", data=Progress.of(run))
