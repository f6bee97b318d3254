"""The child's side of a group: says how far it has come, and learns when all of the group have come so far."""

import threading
from multiprocessing.connection import Connection

from migperf.measure.company import Stage
from migperf.measure.events import Reached
from migperf.measure.recorder import Recorder


class Gate:
    """Opens stage by stage as the supervisor says so. Safe to ask from several threads."""

    def __init__(self, connection: Connection, recorder: Recorder) -> None:
        self._connection, self._recorder = connection, recorder
        self._lock = threading.Lock()
        self._open: set[str] = set()

    def reach(self, stage: Stage) -> None:
        """Say that this run has come so far."""
        self._recorder.send(Reached(stage=stage))

    def is_open(self, stage: Stage) -> bool:
        """Tell whether all of the group have come so far. Takes some microseconds; does not wait."""
        with self._lock:
            while stage not in self._open and self._connection.poll():
                self._receive()
            return stage in self._open

    def wait(self, stage: Stage) -> None:
        """Wait until all of the group have come so far. Raises EOFError if the supervisor has gone."""
        with self._lock:
            while stage not in self._open:
                self._receive()

    def _receive(self) -> None:
        self._open.add(self._connection.recv_bytes().decode())
