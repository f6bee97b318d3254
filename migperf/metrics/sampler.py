"""Reads sources at a fixed rate, in one thread, for every run that watches the same thing: one GPU, or the host."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from migperf.metrics.bell import Bell
from migperf.metrics.event_station import EventStation
from migperf.metrics.listener import JointListener, Listener
from migperf.metrics.metric import NS_PER_S, Metric
from migperf.metrics.shutter import Shutter
from migperf.metrics.source import EventSource, JointSource, Source
from migperf.metrics.station import Station
from migperf.metrics.turns import Turns
from migperf.metrics.watch import Watch
from migperf.preemption import give_way

SLACK_NS = 200_000
"""Runs whose turns are due so soon after another's are served with it."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What is read together: sources, and places that events come from.

    ``joint`` are sources that stand in for those of the runs that watch, as far as they know what those read.
    """

    sampled: tuple[Source, ...] = ()
    events: tuple[EventSource, ...] = ()
    joint: tuple[JointSource, ...] = ()


NOTHING = Sources()


class _Shared:
    """What one thread of a sampler reads for all runs, and its own turns: how late each began, and how long it took."""

    def __init__(self, sources: Sources, turn_metrics: Sequence[Metric], bell: Bell) -> None:
        self.listeners = [Listener(Station(source)) for source in sources.sampled]
        self.joint = [JointListener(source) for source in sources.joint]
        self.events = [EventStation(source) for source in sources.events]
        self.turns = Turns(turn_metrics)
        self.shutter = Shutter.of(self.turns, bell)
        self._all = [*self.listeners, *self.joint]
        self._stations = [listener.station for listener in self._all]

    def read(self, scheduled_ns: int, turn_ns: int) -> list[Listener]:
        """Read what can have something new, and return what is to be recorded now."""
        stations = self._stations
        read = [at for at, one in enumerate(stations) if one.due_ns <= scheduled_ns and one.read(scheduled_ns, turn_ns)]
        return [self._all[at] for at in read]

    def expose(self, watches: Sequence[Watch], turn_ns: int) -> list[Listener]:
        """Take the turns at which only films are exposed, and return what is to be recorded then."""
        if self.shutter is None:
            return []
        due_ns = [*(watch.news_due_ns for watch in watches), *(station.due_ns for station in self.events)]
        return self.shutter.take_turns(self._all, watches, min(due_ns), turn_ns)

    def drop_unread(self, watches: Sequence[Watch]) -> None:
        """Forget the rows that no run needs any more, lest runs that overlap for ever keep all of them."""
        needed = [watch.oldest_rows for watch in watches]
        for recording in (*(listener.recording for listener in self._all), self.turns.recording):
            recording.drop_before(min(rows.get(id(recording), len(recording)) for rows in needed))

    def close(self) -> None:
        for listener in self._all:
            listener.station.close()
        for station in self.events:
            station.close()


class Sampler:
    """Samples for its watches while it has any. Deadlines are absolute: a late turn does not push later ones back.

    What all watches share (a GPU's board), and what is read for several of them together (its instances), is read and
    recorded as often as the fastest asks for; what a run has for itself, as often as that run does. A deadline that is
    missed altogether is left out, never made up.
    """

    def __init__(
        self, name: str, lateness: Metric, cost: Metric, open_shared: Callable[[], Sources] = lambda: NOTHING
    ) -> None:
        """``open_shared`` opens what watches share, when the first one begins."""
        self.name = name
        self.turns = 0
        """How many there have been."""
        self.cost_s = 0.0
        """How long they have taken together."""
        self.lateness_s = 0.0
        """How late they have begun together."""
        self._turn_metrics = (lateness, cost)
        self._open_shared = open_shared
        self._lock = threading.Lock()
        self._bell = Bell()
        self._new: list[Watch] = []
        self._watches: list[Watch] = []
        self._origin_ns = 0
        self._turn_ns = 0
        self._thread: threading.Thread | None = None

    def watch(self, own: Sources, hz: float) -> Watch:
        """Begin to watch for one run, ``hz`` times a second; the first turn is due at once.

        ``own`` is read for this run alone, beside what all share, but for what a joint source can read for it.
        """
        watch = Watch(own.sampled, own.events, round(NS_PER_S / hz), self._lock, self._bell)
        with self._lock:
            if self._thread is None:
                self._origin_ns = time.monotonic_ns()
                self._thread = threading.Thread(target=self._run, name=f"sampler-{self.name}", daemon=True)
                self._thread.start()
            watch.begin(time.monotonic_ns())
            self._new.append(watch)
        self._bell.ring()
        return watch

    def _run(self) -> None:
        give_way()
        shared = _Shared(self._open_shared(), self._turn_metrics, self._bell)
        while self._settle(shared):
            while not self._turn(shared):
                pass
        shared.close()

    def _turn(self, shared: _Shared) -> bool:
        """Serve the watches that are due, and wait for the next turn; True if something has changed meanwhile."""
        began_ns = time.monotonic_ns()
        latest_ns = began_ns + SLACK_NS
        due = [watch for watch in self._watches if watch.due_ns <= latest_ns]
        if due:
            self._serve(shared, due, began_ns)
            self._expose(shared)
        next_ns = min([watch.due_ns for watch in self._watches])
        return self._bell.wait((next_ns - time.monotonic_ns()) / NS_PER_S)

    def _serve(self, shared: _Shared, due: Sequence[Watch], began_ns: int) -> None:
        due_ns = [watch.due_ns for watch in due]
        first_ns, scheduled_ns = min(due_ns), max(due_ns)
        if began_ns - first_ns >= self._turn_ns:
            scheduled_ns = max(watch.scheduled_ns(began_ns) for watch in due)
        news = shared.read(scheduled_ns, self._turn_ns)
        if shared.events:
            self._tell(shared.events)
        own = [watch for watch in due if watch.news_due_ns <= scheduled_ns]
        for watch in own:
            watch.read(scheduled_ns)
        if own or news or shared.turns.full:
            self._record(shared, news, own, began_ns)
        now_ns = time.monotonic_ns()
        shared.turns.note(began_ns, began_ns - first_ns, now_ns - began_ns)
        self.turns += 1
        self.cost_s += (now_ns - began_ns) / NS_PER_S
        self.lateness_s += (began_ns - first_ns) / NS_PER_S
        self._set_next_turns(due, now_ns + SLACK_NS)

    def _expose(self, shared: _Shared) -> None:
        """Go on as long as there is nothing to do but expose films."""
        shutter = shared.shutter
        if shutter is None:
            return
        shutter.state.origin_ns, shutter.state.slack_ns = self._origin_ns, SLACK_NS
        news = shared.expose(self._watches, self._turn_ns)
        if news:
            self._record(shared, news, (), time.monotonic_ns())
        self.turns += shutter.state.count
        self.cost_s += shutter.state.total_took_ns / NS_PER_S
        self.lateness_s += shutter.state.total_late_ns / NS_PER_S

    def _set_next_turns(self, watches: Sequence[Watch], after_ns: int) -> None:
        """Let each be due at the next point of its grid. They have one origin: runs of one rate share turns."""
        period_ns = next_ns = 0
        for watch in watches:
            if watch.period_ns != period_ns:
                period_ns = watch.period_ns
                next_ns = self._origin_ns + period_ns * ((after_ns - self._origin_ns) // period_ns + 1)
            watch.due_ns = next_ns

    def _record(self, shared: _Shared, news: Sequence[Listener], own: Sequence[Watch], now_ns: int) -> None:
        with self._lock:
            for watch in own:
                watch.record(now_ns)
            for listener in news:
                listener.record()
            if shared.turns.full:
                shared.turns.record()

    def _settle(self, shared: _Shared) -> bool:
        """Let go of watches that are over and take in new ones; False when none is left, and the thread is to end."""
        with self._lock:
            known = [*self._watches, *self._new]
            self._new.clear()
            over = [watch for watch in known if watch.over]
            watches = [watch for watch in known if not watch.over]
            for watch in over:
                watch.detach()
            for watch in watches:
                watch.attach(shared.listeners, shared.joint, shared.events, shared.turns)
            if not watches:
                self._thread = None
            else:
                self._turn_ns = min(watch.period_ns for watch in watches)
                if over:
                    shared.drop_unread(watches)
            self._watches = watches
        for watch in over:
            watch.close_sources()
        return bool(watches)

    def _tell(self, events: Sequence[EventStation]) -> None:
        now_ns = time.monotonic_ns()
        for station in events:
            if happened := station.poll(now_ns):
                with self._lock:
                    for watch in self._watches:
                        watch.tell(station, happened)
