"""How late each turn of a sampler began and how long it took, noted at each turn and recorded many at once."""

from collections.abc import Sequence

import numpy as np

from migperf.metrics.metric import Metric
from migperf.metrics.recording import Recording
from migperf.metrics.recording_reader import RecordingReader
from migperf.native.compiled import TurnsState, pointer_to
from migperf.native.ring import Ring

ROOM = 256
"""So many turns can be noted before they have to be recorded."""
_NS_PER_MS = 1e6


class Turns:
    """Noted by the sampler's thread; recorded under the sampler's lock by whoever wants to know."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        """``metrics`` are the lateness and the cost of a turn, ms."""
        self.recording = Recording(metrics)
        self._time_ns = np.zeros(ROOM, np.int64)
        self._took_ns = np.zeros((2, ROOM), np.int64)
        self._times: memoryview[int] = self._time_ns.data
        self._late, self._cost = (row.data for row in self._took_ns)
        late, cost = map(pointer_to, self._took_ns)
        self.state = TurnsState(began_ns=pointer_to(self._time_ns), late_ns=late, took_ns=cost)
        self._ring = Ring(ROOM, self.state.ring)

    @property
    def full(self) -> bool:
        """Whether turns have to be recorded before the next can be noted."""
        return self._ring.full

    def note(self, began_ns: int, late_ns: int, cost_ns: int) -> None:
        """Note a turn."""
        at = self._ring.place
        self._times[at], self._late[at], self._cost[at] = began_ns, late_ns, cost_ns
        self._ring.advance()

    def record(self) -> None:
        """Record what was noted."""
        at = self._ring.places_unread()
        self.recording.extend(self._time_ns[at], self._took_ns[:, at].T / _NS_PER_MS)
        self._ring.let_go(len(at))

    def read_by(self, since_ns: int) -> RecordingReader:
        """Return a run's view of the turns from now on."""
        self.record()
        return RecordingReader(self.recording, since_ns)
