"""Turns that are taken without Python are the turns that Python would take: the same samples, gaps and deadlines."""

import threading
import time
from ctypes import addressof, c_void_p

import numpy as np
import pytest

from migperf.metrics import sampler as module
from migperf.metrics.absence import AbsenceState
from migperf.metrics.bell import Bell
from migperf.metrics.film import Film
from migperf.metrics.metric import NS_PER_S
from migperf.metrics.sampler import Sampler, Sources
from migperf.metrics.series import Series
from migperf.metrics.shutter import Shutter
from migperf.metrics.turns import Turns
from migperf.metrics.watch import Watch
from migperf.native.compiled import GridState, library
from tests.metrics.mechanical import Mechanical
from tests.metrics.sources import Bangs, Counting, stall
from tests.metrics.test_sampler import OWN, by_name, eventually, sampler

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(library() is None, reason="needs the compiled part of migperf (a C compiler)"),
]
HZ = 100


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The turns that Python took, as a list that grows by one with each."""
    turns: list[int] = []
    serve = Sampler._serve

    def counting(self: Sampler, *arguments: object) -> None:
        turns.append(self.turns)
        serve(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Sampler, "_serve", counting)
    return turns


@pytest.fixture(params=["without Python", "in Python"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Take turns both ways; tells whether it is without Python."""
    without = request.param == "without Python"
    if not without:
        monkeypatch.setattr(module.Shutter, "of", lambda *_: None)
    return without


def watched(source: Mechanical, seconds: float, *others: Counting) -> tuple[Sampler, dict[str, Series]]:
    """Watch what all runs share for some seconds, at 100 Hz."""
    sampling = sampler(Sources((source, *others)))
    watch = sampling.watch(Sources(), HZ)
    time.sleep(seconds)
    watch.close()
    assert eventually(lambda: source.closed)
    return sampling, by_name(watch)


def test_python_takes_hardly_any_of_the_turns_at_which_only_films_are_exposed(served: list[int]) -> None:
    """Without this, the tests below would hold for a shutter that does nothing."""
    source = Mechanical(frames=256)
    sampling, _ = watched(source, 0.8)
    assert sampling.turns > 50
    assert len(served) < 6
    assert source.on_film > 50


def test_every_reading_is_recorded_once_and_in_order(either_way: bool) -> None:
    source = Mechanical(frames=16)
    ticks = watched(source, 0.8)[1]["ticks"]
    assert ticks.chunk.value.tolist() == [float(i + 1) for i in range(len(ticks))]
    assert source.readings - len(ticks) in (0, 1), "one that was under way at the end"
    assert ticks.gaps == ()
    assert (np.diff(ticks.chunk.time_ns) > 0).all()


def test_turns_fall_on_a_grid_of_absolute_deadlines(either_way: bool) -> None:
    sampling, series = watched(Mechanical(), 0.6)
    lateness, cost = series["sampler_lateness"].chunk, series["sampler_cost"].chunk
    steps = np.diff(lateness.time_ns - lateness.value * 1e6)[1:] / 10e6
    assert len(steps) > 30
    assert np.allclose(steps, np.round(steps), atol=1e-6)
    assert (cost.value > 0).all()
    assert sampling.cost_s == pytest.approx(cost.value.sum() / 1e3, rel=0.2)
    assert sampling.lateness_s == pytest.approx(lateness.value.sum() / 1e3, rel=0.2)


def test_deadlines_missed_in_a_stall_are_left_out_not_made_up(either_way: bool) -> None:
    ticks = watched(Mechanical({20: stall(0.1)}), 0.8)[1]["ticks"].chunk
    steps_ms = np.diff(ticks.time_ns) / 1e6
    assert steps_ms.max() > 95
    assert ticks.value.tolist() == [float(i + 1) for i in range(len(ticks))]
    late = int(np.argmax(steps_ms))
    assert (steps_ms[late + 1 : late + 4] > 5).all(), "no turns in quick succession"


def test_a_reading_that_took_too_long_is_of_no_known_time(either_way: bool) -> None:
    ticks = watched(Mechanical({20: stall(0.4)}), 1.2)[1]["ticks"]
    (gap,) = ticks.gaps
    assert gap.absence.state is AbsenceState.STALLED
    assert "took" in gap.absence.reason
    values = ticks.chunk.value.tolist()
    assert 20.0 not in values
    assert 19.0 in values
    assert max(values) > 25, "the source is read on"


def test_a_call_that_fails_has_its_source_read_in_the_ordinary_way_at_once(either_way: bool) -> None:
    source = Mechanical({20: lambda: 15})
    ticks = watched(source, 0.8)[1]["ticks"]
    values = ticks.chunk.value.tolist()
    assert values == [float(i + 1) for i in range(source.readings) if i + 1 != 20][: len(values)]
    at = values.index(21.0)
    assert ticks.chunk.time_ns[at] - ticks.chunk.time_ns[at - 1] < 19e6, "in the same turn"
    assert ticks.gaps == ()


def test_what_is_not_on_film_is_read_when_it_is_due(either_way: bool, served: list[int]) -> None:
    slow = Counting(period_ns=50_000_000)
    source = Mechanical()
    sampling, _ = watched(source, 1.0, slow)
    assert 10 < slow.readings < 25
    if either_way:
        assert len(served) < 2 * slow.readings + 6
    assert sampling.turns > 60
    assert source.readings > 60


def test_films_are_exposed_no_more_often_than_they_have_something_new(either_way: bool) -> None:
    fast, slow = Mechanical(), Mechanical(period_ns=40_000_000)
    sampling = sampler(Sources((fast, slow)))  # type: ignore[arg-type]
    watch = sampling.watch(Sources(), HZ)
    time.sleep(1.0)
    watch.close()
    assert fast.readings > 60
    assert fast.readings / 6 < slow.readings < fast.readings / 2.5


def test_events_are_looked_for_as_often_as_they_should_be(either_way: bool) -> None:
    bangs = Bangs()
    sampling = sampler(Sources((Mechanical(),), (bangs,)))  # type: ignore[arg-type]
    watch = sampling.watch(Sources(), HZ)
    time.sleep(0.3)
    bangs.happen(31.0)
    seen: list[float] = []
    assert eventually(lambda: seen or seen.extend(values_of("bangs", watch)))
    assert seen == [31.0]
    watch.close()


def test_a_run_that_comes_or_goes_is_noticed_with_the_next_turn() -> None:
    source = Mechanical()
    sampling = sampler(Sources((source,)))  # type: ignore[arg-type]
    first = sampling.watch(Sources(), HZ)
    time.sleep(0.3)
    own = Counting()
    second = sampling.watch(Sources((own,)), 50)
    assert eventually(lambda: own.readings > 5)
    assert len({s.metric.name for s in second.series()} & {"ticks"}) == 1
    second.close()
    assert eventually(lambda: own.closed)
    readings = source.readings
    assert eventually(lambda: source.readings > readings + 20)
    first.close()
    assert eventually(lambda: source.closed)


def test_whoever_looks_while_films_are_exposed_sees_each_reading_once() -> None:
    """The film is developed by another thread, beside the one that exposes it."""
    source = Mechanical(frames=8)
    sampling = sampler(Sources((source,)))  # type: ignore[arg-type]
    watch = sampling.watch(Sources(), 200)
    seen: list[float] = []
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        seen += values_of("ticks", watch)
    watch.close()
    seen += values_of("ticks", watch)
    assert seen == [float(i + 1) for i in range(len(seen))]
    assert len(seen) > 20, "the reel of the test needs Python, which the one who looks keeps busy"


def values_of(name: str, watch: Watch) -> list[float]:
    """Take what is new of a series."""
    return [v for update in watch.take() if update.metric.name == name for v in update.chunk.value.tolist()]


def test_a_run_that_is_over_does_not_wait_for_a_call_that_hangs() -> None:
    hangs = threading.Event()
    source = Mechanical({20: lambda: hangs.wait(20) and 0})
    sampling = sampler(Sources((source,)))  # type: ignore[arg-type]
    watch = sampling.watch(Sources(), HZ)
    time.sleep(0.9)
    began = time.monotonic()
    watch.close()
    ticks = by_name(watch)["ticks"]
    assert time.monotonic() - began < 0.5
    assert len(ticks) == 19
    assert ticks.absence is not None
    assert ticks.absence.state is AbsenceState.STALLED
    hangs.set()
    assert eventually(lambda: source.closed)


class ByItself:
    """A shutter with one film and one grid of 10 ms, whose next turn was due at ``due_ns``."""

    def __init__(self, film: Film, due_ns: int) -> None:
        native = library()
        assert native is not None
        self.film, self.grids = film, (GridState * 1)(GridState(due_ns, 10_000_000))
        self.shutter = Shutter(native, Turns(OWN), Bell())
        self._films = (c_void_p * 1)(addressof(film.state))
        self._take_turns = native.take_turns
        self.state = self.shutter.state
        self.state.films, self.state.film_count = addressof(self._films), 1
        self.state.grids, self.state.grid_count = self.grids, 1
        self.state.origin_ns, self.state.turn_ns, self.state.until_ns = due_ns, 10_000_000, due_ns + 10 * NS_PER_S

    def take_turns(self) -> None:
        self._take_turns(addressof(self.state))


@pytest.mark.parametrize(("late_ms", "counts_from_now"), [(95, True), (4, False)])
def test_a_turn_that_begins_late_by_more_than_one_counts_from_now(late_ms: int, counts_from_now: bool) -> None:
    """Else what is not read at every turn would be read again too soon after a stall of the whole process."""
    film = Mechanical({1: lambda: 15}).film()
    film.state.period_ns = 40_000_000
    began_ns = time.monotonic_ns()
    due_ns = began_ns - late_ms * 1_000_000
    alone = ByItself(film, due_ns)
    alone.take_turns()
    scheduled_ns = film.state.due_ns - film.state.period_ns
    assert (scheduled_ns >= began_ns) is counts_from_now
    assert counts_from_now or scheduled_ns == due_ns
    assert alone.grids[0].due_ns > began_ns, "missed deadlines are not made up"


def test_a_film_that_somebody_has_ended_is_not_exposed_any_more() -> None:
    """Whoever develops it may find something strange; the source is then to be looked at."""
    source = Mechanical()
    film = source.film()
    film.end()
    alone = ByItself(film, time.monotonic_ns())
    alone.take_turns()
    assert (alone.state.count, source.readings) == (0, 0)


def test_a_film_without_room_is_not_exposed() -> None:
    source = Mechanical(frames=4)
    alone = ByItself(source.film(), time.monotonic_ns())
    alone.take_turns()
    alone.take_turns()
    assert (alone.state.count, source.readings) == (4, 4)
    assert alone.film.develop().rows[:, 0].tolist() == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("until_ms", [-1, 0, 25])
def test_nothing_is_exposed_when_something_else_is_due(until_ms: int) -> None:
    source = Mechanical()
    due_ns = time.monotonic_ns() + 50_000_000
    alone = ByItself(source.film(), due_ns)
    alone.state.until_ns = due_ns + until_ms * 1_000_000
    began = time.monotonic()
    alone.take_turns()
    assert source.readings <= max(0, until_ms // 10 + 1)
    assert (time.monotonic() - began < 0.04) is (until_ms <= 0), "it leaves waiting to Python"
