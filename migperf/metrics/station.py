"""One source as the sampler holds it: read at most once a turn, whoever wants to know, and never the end of a run."""

import logging
import time
from collections.abc import Callable

import numpy as np

from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.cells import cells_of
from migperf.metrics.film import Film
from migperf.metrics.metric import NS_PER_S
from migperf.metrics.source import FilmedSource, Row, Source, SourceEndedError, SteadySource

NEVER_NS = (1 << 63) - 1
RETRY_NS = NS_PER_S
"""A source that failed is left alone for so long."""
LATE_NS = NS_PER_S // 4
"""A reading that takes longer than this, and longer than its turn lasts, is of no known time."""
_log = logging.getLogger(__name__)


class Station:
    """A source with its last reading. Used by the sampler's thread alone."""

    def __init__(self, source: Source, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.source = source
        self._clock = clock
        self.name = type(source).__name__
        self._period_ns = source.period_ns
        self.read_ns: int | None = None
        """When the last reading was made (CLOCK_MONOTONIC)."""
        self.row: Row = np.full(len(source.metrics), np.nan)
        """The values of the last reading."""
        self.cells = cells_of(self.row)
        self.steady = False
        """Whether nothing but values has changed with the last reading (see SteadySource)."""
        self.took_ns = 0
        self.ended = False
        self.due_ns = 0
        """Before then, reading makes no sense."""
        self.film: Film | None = None
        """Readings that are to be developed before the last one is recorded."""
        self.turn_ns = 0
        """How long the turn of the last reading lasts."""
        self._missing = self.row
        self._tells = source if isinstance(source, SteadySource) else None
        self._filmed = source if isinstance(source, FilmedSource) else None
        self._film_ns = 0
        self._failure: Absence | None = None

    def read(self, scheduled_ns: int, turn_ns: int) -> bool:
        """Read, and tell whether there is something to record now: what is on a film can wait.

        This turn was due at ``scheduled_ns``, and lasts ``turn_ns``; a source that can have nothing new is not read.
        """
        if scheduled_ns < self.due_ns:
            return False
        began_ns = self._clock()
        self.due_ns = scheduled_ns + self._period_ns
        film = self.film
        on_film = film is not None and self._expose(film)
        if not on_film and not self._look(began_ns, scheduled_ns):
            return True
        self.read_ns, self.turn_ns = began_ns, turn_ns
        self.took_ns = self._clock() - began_ns
        if self.took_ns > LATE_NS and self.took_ns > turn_ns:
            self.be_late()
        elif on_film and film is not None:
            return film.keep(began_ns)
        elif film is None and self.steady and self._filmed is not None and began_ns >= self._film_ns:
            self._film_ns = began_ns + RETRY_NS
            self.film = self._load(self._filmed)
        return True

    def be_late(self) -> None:
        """Let the last reading have no values, since it took so long."""
        reason = f"a reading took {self.took_ns / NS_PER_S:.2f} s, so that its time is not known"
        self._miss(Absence(AbsenceState.STALLED, reason))
        if self.film is not None:
            self.film.end()

    def _expose(self, film: Film) -> bool:
        """Read on film; a film that breaks is over, and the reading is made in the ordinary way."""
        try:
            return film.expose()
        except Exception:  # noqa: BLE001 - see _look
            _log.warning("%s could not be read on film", self.name, exc_info=True)
            film.end()
            return False

    def _load(self, source: FilmedSource) -> Film | None:
        try:
            return source.film()
        except Exception:  # noqa: BLE001 - it can be read without
            _log.warning("%s could not make a film", self.name, exc_info=True)
            return None

    def _look(self, began_ns: int, scheduled_ns: int) -> bool:
        """Read and look at what comes; False when there was nothing left to read."""
        try:
            self._take(self.source.read(began_ns))
        except SourceEndedError:
            self.ended, self.due_ns = True, NEVER_NS
            return False
        except Exception as error:  # noqa: BLE001 - a broken source must not end the runs that it watches
            self._fail(error, scheduled_ns)
        return True

    def _take(self, row: Row) -> None:
        if row is self.row and self._failure is None:
            self.steady = self._tells is not None and self._tells.steady
            return
        self.row, self.cells = row, cells_of(row)
        self.steady, self._failure = False, None

    def _miss(self, absence: Absence) -> None:
        self.row, self.cells = self._missing, cells_of(self._missing)
        self.steady, self._failure = False, absence

    def why_not(self, index: int) -> Absence | None:
        """Return why a value of the last reading is missing; None if it is merely too early."""
        return self._failure or self.source.why_not(index)

    def close(self) -> None:
        """Close the source; one that cannot even be closed is of no interest any more."""
        try:
            self.source.close()
        except Exception:  # noqa: BLE001
            _log.warning("%s could not be closed", self.name, exc_info=True)

    def _fail(self, error: Exception, scheduled_ns: int) -> None:
        if self._failure is None:
            _log.warning("%s failed; its metrics are absent meanwhile", self.name, exc_info=True)
        self._miss(Absence(AbsenceState.FAILED, f"{type(error).__name__}: {error}"))
        self.due_ns = scheduled_ns + max(RETRY_NS, self._period_ns)
