"""Read now and looked at later, a source says what it would have said looked at at once: samples, gaps and reasons."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.film import Film, Usual
from migperf.metrics.listener import Listener
from migperf.metrics.metric import Metric, Scope
from migperf.metrics.recording_reader import RecordingReader
from migperf.metrics.series import Series
from migperf.metrics.source import Row
from migperf.metrics.station import Station

METRICS = tuple(Metric(name=name, unit="1", scope=Scope.GPU, source="test") for name in "ab")
REASONS = {1: Absence(AbsenceState.NO_DATA, "nothing"), 2: Absence(AbsenceState.LOST, "gone")}
FRAMES = 4
Reading = tuple[float | int, float | int] | None
"""Of each metric its value, or the code (int) that it has none for; None: the call as a whole fails."""


class Script:
    """A source that has one reading after another to tell, on a reel if it ``films``; a call that fails is lost."""

    def __init__(self, readings: Sequence[Reading], *, films: bool) -> None:
        self.metrics, self.period_ns, self.steady = METRICS, 0, False
        self.told = 0
        self.on_reel = 0
        self._readings, self._films = readings, films
        self._row = np.full(2, np.nan)
        self._codes: tuple[int, int] | None = None
        self._usual: tuple[int, int] | None = None

    def read(self, now_ns: int) -> Row:
        reading, self.told = self._readings[self.told], self.told + 1
        values, codes = numbers(reading)
        self._row[:] = values
        self._codes = codes
        finite = not np.isinf(values).any()
        self.steady = codes == self._usual and finite and reading is not None
        self._usual = codes if finite else None
        return self._row

    def why_not(self, index: int) -> Absence | None:
        return REASONS.get((self._codes or (0, 0))[index])

    def film(self) -> Film | None:
        if not self._films:
            return None
        codes = np.array(self._codes, np.int32)
        return Film(ScriptReel(self), look, why, Usual(codes != 0, codes))

    def next(self) -> Reading:
        """Tell the next reading, as a reel does."""
        self.told += 1
        self.on_reel += 1
        return self._readings[self.told - 1]

    @property
    def fails(self) -> bool:
        return self._readings[self.told] is None

    def close(self) -> None: ...


class ScriptReel:
    """Has the readings of a script in memory of its own until they are developed."""

    def __init__(self, script: Script) -> None:
        self.frames = FRAMES
        self.mechanism = None
        self._script = script
        self._blank = (np.full(2, np.nan), np.zeros(2, np.int32))
        self._kept: dict[int, tuple[Sequence[float], Sequence[int]]] = {}

    def expose(self, frame: int) -> bool:
        assert frame not in self._kept, "nothing is written over before somebody has looked at it"
        if self._script.fails:
            return False
        self._kept[frame] = numbers(self._script.next())
        return True

    def develop(self, frames: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
        kept = [self._kept.pop(frame) for frame in frames.tolist()]
        return np.array([values for values, _ in kept]), np.array([codes for _, codes in kept], np.int32)


def numbers(reading: Reading) -> tuple[tuple[float, float], tuple[int, int]]:
    if reading is None:
        return (np.nan, np.nan), (2, 2)
    a, b = ((value, 0) if isinstance(value, float) else (np.nan, value) for value in reading)
    return (a[0], b[0]), (a[1], b[1])


def look(values: npt.NDArray[np.float64], codes: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    return np.where(codes == 0, values, np.nan)


def why(index: int, codes: npt.NDArray[np.int32]) -> Absence | None:
    return REASONS.get(int(codes[index]))


class Heard:
    """A station and its listener, with a reader from the beginning and one that comes later."""

    def __init__(self, readings: Sequence[Reading], *, films: bool) -> None:
        self.script = Script(readings, films=films)
        self.now_ns = 0
        self.station = Station(self.script, self._clock)
        self.listener = Listener(self.station)
        self.readers: list[RecordingReader] = [self.listener.read_by(0)]

    def _clock(self) -> int:
        self.now_ns += 1_000_000
        return self.now_ns

    def turn(self, number: int) -> None:
        if self.station.read(number, 1):
            self.listener.record()

    def hear(self, turns: int, takes: frozenset[int], joins: int) -> list[tuple[object, ...]]:
        """Let turns pass; before some of them somebody wants to know, and before one somebody begins to."""
        for number in range(turns):
            if number in takes:
                self.listener.develop()
            if number == joins:
                self.readers.append(self.listener.read_by(0))
            self.turn(number)
        self.listener.develop()
        times = self.listener.recording.columns(0)[0].tolist()
        return [told(series, times) for reader in self.readers for series in reader.series()]


def told(series: Series, times: Sequence[int]) -> tuple[object, ...]:
    """Return what a series says with the numbers of readings in place of times."""
    place = {time_ns: number for number, time_ns in enumerate(times)}
    samples = [(place[t], v) for t, v in zip(series.chunk.time_ns.tolist(), series.chunk.value.tolist(), strict=True)]
    gaps = [
        (place[gap.start_ns], None if gap.end_ns is None else place[gap.end_ns], gap.absence.state)
        for gap in series.gaps
    ]
    return samples, gaps


values = st.one_of(st.floats(-5, 5), st.floats(-5, 5), st.floats(-5, 5), st.sampled_from([1, 2]), st.just(float("inf")))
readings = st.lists(
    st.one_of(st.tuples(values, values), st.tuples(st.floats(0, 1), st.floats(0, 1)), st.none()),
    min_size=8,
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(readings, st.frozensets(st.integers(0, 40), max_size=6), st.integers(0, 40))
def test_a_film_tells_what_looking_at_once_tells(
    given_readings: list[Reading], takes: frozenset[int], joins: int
) -> None:
    turns = len(given_readings)
    at_once = Heard(given_readings, films=False).hear(turns, takes, joins)
    assert Heard(given_readings, films=True).hear(turns, takes, joins) == at_once


def test_most_readings_are_on_film_while_all_is_well() -> None:
    """Without this, the test before would hold for films that are never used."""
    heard = Heard([(1.0, float(i)) for i in range(50)], films=True)
    heard.hear(50, frozenset(), 99)
    assert heard.script.on_reel == 48


def test_after_something_strange_the_source_is_looked_at_before_there_is_another_film() -> None:
    heard = Heard([(1.0, 1.0)] * 5 + [(1.0, 2)] + [(1.0, 1.0)] * 5, films=True)
    for number in range(6):
        heard.turn(number)
    heard.listener.develop()
    on_reel = heard.script.on_reel
    heard.turn(6)
    assert heard.script.on_reel == on_reel
    assert heard.station.film is None


def test_a_reading_on_film_that_took_too_long_is_of_no_known_time() -> None:
    heard = Heard([(1.0, 1.0)] * 5, films=True)
    for number in range(3):
        heard.turn(number)
    film = heard.station.film
    assert film is not None
    assert film.undeveloped == 1

    class Slow(Film):
        """Takes longer than the turn lasts."""

        def expose(self) -> bool:
            heard.now_ns += 300_000_000
            return super().expose()

    film.__class__ = Slow
    heard.turn(3)
    heard.turn(4)
    (a, _) = heard.readers[0].series()
    assert len(a) == 4
    (gap,) = a.gaps
    assert gap.absence.state is AbsenceState.STALLED


def test_one_who_begins_to_read_what_nobody_read_is_told_why_it_is_missing() -> None:
    """Gaps are only kept of what somebody reads, and on film nothing changes with the next reading."""
    heard = Heard([(1.0, 1)] * 12, films=True)
    heard.readers[0].close(0, None)
    heard.readers = [heard.listener.read_by(0, slice(0, 1))]
    for number in range(6):
        heard.turn(number)
    later = heard.listener.read_by(0, slice(1, 2))
    for number in range(6, 12):
        heard.turn(number)
    heard.listener.develop()
    (b,) = later.series()
    assert b.absence == REASONS[1]


@pytest.mark.parametrize("breaks", ["film", "expose"])
def test_a_film_that_breaks_leaves_the_source_to_be_read_in_the_ordinary_way(
    breaks: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Else it would end the sampler's thread, and with it the watching of every run on the GPU."""
    heard = Heard([(1.0, float(i)) for i in range(12)], films=True)

    def broken(*_: object) -> Film:
        raise MemoryError

    if breaks == "film":
        heard.script.film = broken  # type: ignore[method-assign]
    for number in range(5):
        heard.turn(number)
    if breaks == "expose":
        assert heard.station.film is not None
        heard.station.film._reel.expose = broken  # type: ignore[assignment, method-assign]
        heard.turn(5)
    for number in range(6 if breaks == "expose" else 5, 12):
        heard.turn(number)
    heard.listener.develop()
    (a, b) = heard.readers[0].series()
    assert b.chunk.value.tolist() == [float(i) for i in range(12)]
    assert a.gaps == b.gaps == ()
    assert "film" in caplog.text
