"""Turns at which there is nothing to do but expose films, taken without Python as long as there is nothing else.

Python takes most of the time of such a turn. What it then has to see to is the same as at a turn that it takes itself.
"""

from collections.abc import Iterable, Sequence
from ctypes import CDLL, addressof, c_void_p, pointer

from migperf.metrics.bell import SHORT_S, Bell
from migperf.metrics.film import Film
from migperf.metrics.listener import Listener
from migperf.metrics.metric import NS_PER_S
from migperf.metrics.station import LATE_NS, Station
from migperf.metrics.turns import Turns
from migperf.metrics.watch import Watch
from migperf.native.compiled import AS_USUAL, FAILED, LATE, GridState, ShutterState, library

SLOW_NS = int(SHORT_S * NS_PER_S)
"""Turns that are as far apart as this are for Python: nobody could wake the shutter in between."""


class Shutter:
    """Used by the sampler's thread alone."""

    def __init__(self, native: CDLL, turns: Turns, bell: Bell) -> None:
        """Note turns in ``turns``, and take no more when the bell is rung."""
        self._take_turns = native.take_turns
        self._turns, self._bell = turns, bell
        self.state = ShutterState(turns=pointer(turns.state), rung=bell.rung.address, late_ns=LATE_NS)
        """What the turns of the last call cost, and the grid of all of them."""

    @classmethod
    def of(cls, turns: Turns, bell: Bell) -> "Shutter | None":
        """Return one; None where migperf was installed without."""
        native = library()
        return None if native is None else cls(native, turns, bell)

    def take_turns(
        self, listeners: Iterable[Listener], watches: Sequence[Watch], until_ns: int, turn_ns: int
    ) -> list[Listener]:
        """Take all turns before something else is due than films, and return who has something to record then.

        ``until_ns`` is when something is due that no listener hears; runs have a turn every ``turn_ns`` or more.
        """
        films: list[tuple[Listener, Film]] = []
        for listener in listeners:
            film = listener.station.film
            if film is not None and film.mechanical:
                films.append((listener, film))
            else:
                until_ns = min(until_ns, listener.station.due_ns)
        self.state.count = self.state.total_took_ns = self.state.total_late_ns = 0
        if not films or turn_ns >= SLOW_NS:
            return []
        self._run([(listener.station, film) for listener, film in films], watches, until_ns, turn_ns)
        return [listener for listener, film in films if self._see_to(listener.station, film, turn_ns)]

    def _run(
        self, films: Sequence[tuple[Station, Film]], watches: Sequence[Watch], until_ns: int, turn_ns: int
    ) -> None:
        state = self.state
        for station, film in films:
            film.state.due_ns, film.state.period_ns = station.due_ns, station.source.period_ns
            film.state.began_ns, film.state.outcome = 0, AS_USUAL
        where = (c_void_p * len(films))(*(addressof(film.state) for _, film in films))
        grids = (GridState * len(watches))(*(GridState(watch.due_ns, watch.period_ns) for watch in watches))
        state.films, state.film_count = addressof(where), len(films)
        state.grids, state.grid_count = grids, len(watches)
        state.turn_ns, state.until_ns = turn_ns, until_ns
        self._take_turns(addressof(state))
        for watch, grid in zip(watches, grids, strict=True):
            watch.due_ns = grid.due_ns

    def _see_to(self, station: Station, film: Film, turn_ns: int) -> bool:
        """Let the station know what it has read; tell whether there is something to record."""
        state = film.state
        if not state.began_ns:
            return False
        station.due_ns, station.turn_ns = state.due_ns, turn_ns
        if state.outcome == FAILED:
            film.end()
            scheduled_ns = state.due_ns - state.period_ns
            station.due_ns = scheduled_ns
            return station.read(scheduled_ns, turn_ns)
        station.read_ns, station.took_ns = state.began_ns, state.took_ns
        if state.outcome == LATE:
            station.be_late()
        return bool(state.outcome != AS_USUAL)
