"""A source and the recording of what it says: how the sampler hears it, turn by turn."""

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.cells import Cells
from migperf.metrics.film import Developed
from migperf.metrics.metric import NS_PER_S
from migperf.metrics.recording import ALL, Recording, WhyNot
from migperf.metrics.recording_reader import RecordingReader
from migperf.metrics.source import JointSource, Row
from migperf.metrics.station import LATE_NS, Station

MISSED_TURNS = 3
"""So many turns without a reading are a gap; fewer are an uneven rate."""
_TOO_SHORT = Absence(AbsenceState.NO_DATA, "the run ended before there was a reading")


class Listener:
    """Records what a station reads. Needs the sampler's lock."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.recording = Recording(station.source.metrics)

    def record(self) -> None:
        """Record the last reading, if it is new, and those on film before it; a time too long without one is a gap."""
        station = self.station
        self.develop()
        if station.film is not None and station.film.over:
            station.film = None
        if station.read_ns is None or station.read_ns == self.recording.last_ns:
            return
        self._append(station.read_ns, station.cells, station.why_not, steady=station.steady)

    def develop(self) -> None:
        """Record what is on film. The sampler may read on meanwhile."""
        film = self.station.film
        if film is None or not film.undeveloped:
            return
        shown = film.develop()
        if self.recording.last_ns is None:
            raise AssertionError("a film begins after a reading that was looked at")
        closer = shown.strange | (np.diff(shown.time_ns, prepend=self.recording.last_ns) > LATE_NS)
        closer[1:] |= shown.strange[:-1]
        closer[0] |= self.recording.has_news
        done = 0
        for reading in np.flatnonzero(closer).tolist():
            self._extend(shown, slice(done, reading))
            done = reading + 1
            why_not = partial(shown.why_not, reading)
            self._append(int(shown.time_ns[reading]), np.ascontiguousarray(shown.rows[reading]), why_not, steady=False)
        self._extend(shown, slice(done, None))
        self.recording.last_turn_ns = self.station.turn_ns
        if shown.strange[-1]:
            self.recording.has_news = True

    def _extend(self, shown: Developed, readings: slice) -> None:
        self.recording.extend(shown.time_ns[readings], shown.rows[readings])

    def _append(self, read_ns: int, row: "Row | Cells", why_not: WhyNot, *, steady: bool) -> None:
        last_ns, turn_ns = self.recording.last_ns, self.station.turn_ns
        if last_ns is not None and read_ns - last_ns > LATE_NS:
            self._look_for_stall(last_ns, read_ns, max(turn_ns, self.recording.last_turn_ns))
        self.recording.append(read_ns, row, why_not, steady=steady)
        self.recording.last_turn_ns = turn_ns

    def _look_for_stall(self, last_ns: int, read_ns: int, turn_ns: int) -> None:
        if read_ns - last_ns > self._patience_ns(turn_ns):
            self.recording.stall(read_ns, self._stalled(read_ns - last_ns))

    def read_by(self, since_ns: int, columns: slice = ALL) -> RecordingReader:
        """Return a run's view of what is recorded from now on."""
        self.develop()
        return RecordingReader(self.recording, since_ns, columns)

    def close(self, reader: RecordingReader, now_ns: int, turn_ns: int) -> None:
        """End a run's view of the recording, with the reason why there is no reading at its end if one should be."""
        self.develop()
        reader.close(now_ns, self._conclusion(reader, now_ns, turn_ns))

    def _conclusion(self, reader: RecordingReader, now_ns: int, turn_ns: int) -> Absence | None:
        last_ns = self.recording.last_ns
        if last_ns is None or not reader.seen:
            return _TOO_SHORT
        if self.station.ended or now_ns - last_ns <= self._patience_ns(turn_ns):
            return None
        return self._stalled(now_ns - last_ns)

    def _patience_ns(self, turn_ns: int) -> int:
        turns = max(1, -(-self.station.source.period_ns // turn_ns))
        return max(MISSED_TURNS * turns * turn_ns, LATE_NS)

    def _stalled(self, for_ns: int) -> Absence:
        slow = self.station.took_ns > LATE_NS
        why = f"reading {self.station.name} took long" if slow else "the sampler did not get to run"
        return Absence(AbsenceState.STALLED, f"nothing was read for {for_ns / NS_PER_S:.2f} s: {why}")


class JointListener(Listener):
    """What several runs hear of a source that reads for them together, each its own columns."""

    def __init__(self, joint: JointSource, clock: Callable[[], int] = time.monotonic_ns) -> None:
        super().__init__(Station(joint, clock))
        self.joint = joint
