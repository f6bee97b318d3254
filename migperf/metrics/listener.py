"""A source and the recording of what it says: how the sampler hears it, turn by turn."""

from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.metric import NS_PER_S
from migperf.metrics.recording import Recording, RecordingReader
from migperf.metrics.source import JointSource
from migperf.metrics.station import LATE_NS, Station

MISSED_TURNS = 3
"""So many turns without a reading are a gap; fewer are an uneven rate."""
_TOO_SHORT = Absence(AbsenceState.NO_DATA, "the run ended before there was a reading")


class Listener:
    """Reads at turns, and records what is new under the sampler's lock."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.recording = Recording(station.source.metrics)

    def record(self, turn_ns: int) -> None:
        """Record the last reading, if it is new; a time too long without one is a gap."""
        read_ns, last_ns = self.station.read_ns, self.recording.last_ns
        if read_ns is None or read_ns == last_ns:
            return
        if last_ns is not None and read_ns - last_ns > LATE_NS:
            self._look_for_stall(last_ns, read_ns, max(turn_ns, self.recording.last_turn_ns))
        self.recording.append(read_ns, self.station.cells, self.station.why_not, steady=self.station.steady)
        self.recording.last_turn_ns = turn_ns

    def _look_for_stall(self, last_ns: int, read_ns: int, turn_ns: int) -> None:
        if read_ns - last_ns > self._patience_ns(turn_ns):
            self.recording.stall(read_ns, self._stalled(read_ns - last_ns))

    def close(self, reader: RecordingReader, now_ns: int, turn_ns: int) -> None:
        """End a run's view of the recording, with the reason why there is no reading at its end if one should be."""
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

    def __init__(self, joint: JointSource) -> None:
        super().__init__(Station(joint))
        self.joint = joint
