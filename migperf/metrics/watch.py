"""One run's part of a sampler: its rate, its own sources, and its view of what the sampler reads for all runs."""

import threading
import time
from collections.abc import Sequence

from migperf.metrics.bell import Bell
from migperf.metrics.event_station import EventStation
from migperf.metrics.listener import JointListener, Listener
from migperf.metrics.recording_reader import RecordingReader
from migperf.metrics.series import Chunk, Series, SeriesUpdate
from migperf.metrics.series_log import SeriesLog
from migperf.metrics.source import EventSource, Occurrence, Source
from migperf.metrics.station import NEVER_NS, Station
from migperf.metrics.turns import Turns


class Watch:
    """Made by ``Sampler.watch``; the run takes from it, and closes it. The sampler's thread does the rest."""

    def __init__(
        self,
        sources: Sequence[Source],
        events: Sequence[EventSource],
        period_ns: int,
        lock: threading.Lock,
        bell: Bell,
    ) -> None:
        self.period_ns = period_ns
        self.due_ns = 0
        self.news_due_ns = 0
        """Before then none of the run's own sources has anything new."""
        self.over = False
        self._lock = lock
        self._bell = bell
        self._began_ns = 0
        self._attached = False
        self._own = [Listener(Station(source)) for source in sources]
        self._own_events = [EventStation(source) for source in events]
        self._joined: list[tuple[JointListener, slice]] = []
        self._replaced: list[Listener] = []
        self._heard: list[tuple[Listener, RecordingReader]] = []
        self._turns: list[tuple[Turns, RecordingReader]] = []
        self._news: list[Listener] = []
        self._events = [(station, _logs(station)) for station in self._own_events]

    # For the run

    def take(self) -> list[SeriesUpdate]:
        """Return what has been recorded since the last call."""
        with self._lock:
            self._develop()
            return [update for part in self._parts() for update in part.take()]

    def series(self) -> list[Series]:
        """Return everything that has been recorded; for when the watch is closed."""
        with self._lock:
            self._develop()
            return [series for part in self._parts() for series in part.series()]

    def close(self) -> None:
        """End the watch at once, even if a source is hanging; what did not come any more is a gap."""
        with self._lock:
            if self.over:
                return
            self.over = True
            now_ns = time.monotonic_ns()
            for listener, reader in self._heard:
                listener.close(reader, now_ns, self.period_ns)
            for turns, reader in self._turns:
                turns.record()
                reader.close(now_ns, None)
        self._bell.ring()

    # For the sampler

    def begin(self, now_ns: int) -> None:
        """Let the first turn be due now."""
        self._began_ns = self.due_ns = now_ns
        self._heard = [(own, own.read_by(now_ns)) for own in self._own]

    def attach(
        self,
        shared: Sequence[Listener],
        joint: Sequence[JointListener],
        events: Sequence[EventStation],
        turns: Turns,
    ) -> None:
        """Begin to see what the sampler reads for all runs, or for some of them together. Needs the lock."""
        if self._attached or self.over:
            return
        self._attached = True
        self._heard = [self._join(own, reader, joint) for own, reader in self._heard]
        self._heard += [(one, one.read_by(self._began_ns)) for one in shared]
        self._turns = [(turns, turns.read_by(self._began_ns))]
        self._events += [(station, _logs(station)) for station in events]

    @property
    def oldest_rows(self) -> dict[int, int]:
        """The first row that this run still needs of each recording that it reads, by the recording's identity."""
        return {id(reader.recording): reader.first_row for reader in self._all_readers()}

    def scheduled_ns(self, now_ns: int) -> int:
        """Return when the present turn was due; a turn that is late by more than one counts from now."""
        return self.due_ns if now_ns - self.due_ns < self.period_ns else now_ns

    def read(self, scheduled_ns: int) -> None:
        """Read those of the run's own sources that can have something new."""
        self._news = [listener for listener in self._own if listener.station.read(scheduled_ns, self.period_ns)]
        for events in self._own_events:
            if happened := events.poll(scheduled_ns):
                with self._lock:
                    self.tell(events, happened)
        due_ns = [*(listener.station.due_ns for listener in self._own), *(events.due_ns for events in self._own_events)]
        self.news_due_ns = min(due_ns, default=NEVER_NS)

    def record(self, now_ns: int) -> None:
        """Record what the run's own sources said. Needs the lock."""
        if self.over:
            return
        for listener in self._news:
            listener.record()
        for events, logs in self._events:
            _note_absence(events, logs, now_ns)

    def tell(self, station: EventStation, happened: Sequence[Occurrence]) -> None:
        """Record events. Needs the lock."""
        if self.over:
            return
        for known, logs in self._events:
            if known is station:
                for one in happened:
                    logs[one.index].extend(Chunk.of([one.time_ns], [one.value]))

    def detach(self) -> None:
        """Want nothing of what is read together any more. Needs the lock."""
        for listener, columns in self._joined:
            listener.joint.leave(columns)

    def close_sources(self) -> None:
        """Close the run's own sources."""
        for listener in (*self._own, *self._replaced):
            listener.station.close()
        for events in self._own_events:
            events.close()

    def _join(
        self, own: Listener, reader: RecordingReader, joint: Sequence[JointListener]
    ) -> tuple[Listener, RecordingReader]:
        """Return what is to be heard instead of an own source, if that is read together with those of other runs."""
        for listener in joint:
            columns = listener.joint.join(own.station.source)
            if columns is not None:
                self._own.remove(own)
                self._replaced.append(own)
                self._joined.append((listener, columns))
                return listener, listener.read_by(self._began_ns, columns)
        return own, reader

    def _all_readers(self) -> list[RecordingReader]:
        return [*(reader for _, reader in self._heard), *(reader for _, reader in self._turns)]

    def _develop(self) -> None:
        """Have recorded what was read so far, as long as the run reads on."""
        if self.over:
            return
        for listener, _ in self._heard:
            listener.develop()
        for turns, _ in self._turns:
            turns.record()

    def _parts(self) -> list[RecordingReader | SeriesLog]:
        return [*self._all_readers(), *(log for _, logs in self._events for log in logs)]


def _logs(station: EventStation) -> list[SeriesLog]:
    return [SeriesLog(metric) for metric in station.source.metrics]


def _note_absence(station: EventStation, logs: Sequence[SeriesLog], now_ns: int) -> None:
    for index, log in enumerate(logs):
        if (absence := station.why_not(index)) is not None:
            log.end(now_ns, absence)
