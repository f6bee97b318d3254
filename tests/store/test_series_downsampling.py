"""A coarse look at a stored series shows its extremes, gaps, events and flags, whether outlines were read or not."""

import numpy as np
import pytest

from migperf.metrics.series import Chunk, Gap
from migperf.store import series, series_reading
from migperf.store.database import Database
from migperf.store.series import Method
from tests.store.series_builder import POWER, STALLED, THROTTLED, XID, a_run, counted, put, put_live, wave

COUNT = 300_000


def samples_of(chunk: Chunk) -> set[tuple[int, float]]:
    return set(zip(chunk.time_ns.tolist(), chunk.value.tolist(), strict=True))


@pytest.fixture
def outlines_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Which series were read by their outlines."""
    seen: list[int] = []
    real = series_reading.outlines_in

    def note(series_id: int, span: series_reading.Span) -> object:
        seen.append(series_id)
        return real(series_id, span)

    monkeypatch.setattr(series_reading, "outlines_in", note)
    return seen


@pytest.mark.parametrize("method", Method)
@pytest.mark.parametrize(("points", "by_outlines"), [(1_000, True), (10_000, False)])
def test_samples_and_extremes_of_a_long_series_are_kept(
    database: Database, outlines_read: list[int], method: Method, points: int, by_outlines: bool
) -> None:
    chunk = wave(COUNT)
    with database.write() as session:
        run_id = a_run(session)
        put_live(session, run_id, POWER, chunk, size=5_000)
        series.compact(session, run_id, whole=True)
    with database.read() as session:
        kept = series.downsample(session, series.get(session, run_id, "power"), points, method=method)
    assert bool(outlines_read) is by_outlines
    assert 0.9 * points <= len(kept) <= points
    assert (np.diff(kept.time_ns) > 0).all()
    assert samples_of(kept) <= samples_of(chunk)
    if method is not Method.LTTB:
        assert (kept.value.min(), kept.value.max()) == (-5.0, 900.0)


def test_a_span_is_cut_to_the_sample_even_where_outlines_are_read(database: Database, outlines_read: list[int]) -> None:
    chunk = wave(COUNT)
    start_ns, end_ns = int(chunk.time_ns[12_345]), int(chunk.time_ns[287_654])
    with database.write() as session:
        run_id = a_run(session)
        put(session, run_id, POWER, chunk)
    with database.read() as session:
        head = series.get(session, run_id, "power")
        kept = series.downsample(session, head, 1_000, start_ns, end_ns)
    assert outlines_read
    assert (kept.time_ns[0], kept.time_ns[-1]) == (start_ns, end_ns), "the first and the last sample of the span"


def test_few_samples_of_a_span_come_back_as_they_are(database: Database) -> None:
    with database.write() as session:
        run_id = a_run(session)
        put(session, run_id, POWER, counted(0, 10_000))
    with database.read() as session:
        head = series.get(session, run_id, "power")
        kept = series.downsample(session, head, 100, 5_000, 5_099)
    assert kept.time_ns.tolist() == list(range(5_000, 5_100))


@pytest.mark.parametrize("whole", [True, False])
def test_gaps_stay_gaps_in_a_coarse_look(database: Database, outlines_read: list[int], whole: bool) -> None:
    """Also a gap that began in one chunk and ended in the next, and one that lies within chunks merged later."""
    chunk = wave(COUNT)
    sides = [(n, n + 1) for n in (4_999, 7_777, 111_111)]
    gaps = [Gap(int(chunk.time_ns[a]), int(chunk.time_ns[b]), STALLED) for a, b in sides]
    with database.write() as session:
        run_id = a_run(session)
        put(session, run_id, POWER, Chunk.joined([]), gaps)
        put_live(session, run_id, POWER, chunk, size=1_500)
        series.compact(session, run_id, whole=whole)
    with database.read() as session:
        kept = series.downsample(session, series.get(session, run_id, "power"), 1_000)
    assert outlines_read
    times = kept.time_ns.tolist()
    for gap in gaps:
        assert times[times.index(gap.start_ns) + 1] == gap.end_ns, "both sides, and nothing between them"


def test_throttling_and_events_survive_a_coarse_look(database: Database, outlines_read: list[int]) -> None:
    flag = np.zeros(COUNT)
    flag[150_000] = flag[200_000:200_050] = 1
    times = np.arange(COUNT) * 10_000_000
    with database.write() as session:
        run_id = a_run(session)
        put(session, run_id, THROTTLED, Chunk.of(times, flag))
        put(session, run_id, XID, Chunk.of(times[::100], np.full(COUNT // 100, 79.0)))
    with database.read() as session:
        throttled = series.downsample(session, series.get(session, run_id, "throttled"), 200)
        events = series.downsample(session, series.get(session, run_id, "xid"), 10)
    assert outlines_read
    changed = np.flatnonzero(np.diff(throttled.value)) + 1
    assert throttled.time_ns[changed].tolist() == [times[n] for n in (150_000, 150_001, 200_000, 200_050)]
    assert len(events) == COUNT // 100, "each event"
