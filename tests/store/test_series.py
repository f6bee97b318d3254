"""Series come back from the database as they went in, samples, gaps and metrics, on both databases."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.errors import NotFoundError
from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.series import Chunk, Gap, SeriesUpdate
from migperf.store import chunk_rows, series
from migperf.store.chunks import CODEC, Encoded, UnknownCodecError, decode, encode
from migperf.store.database import Database
from tests.databases import counted_statements
from tests.store.series_builder import FORBIDDEN, LATENCY, POWER, RSS, STALLED, THROTTLED, a_run, counted, put

TIMES = st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=200).map(sorted)


@given(TIMES, st.data())
def test_a_chunk_survives_the_codec_bit_for_bit(times: list[int], data: st.DataObject) -> None:
    floats = st.floats(allow_nan=True, allow_infinity=True)
    values = data.draw(st.lists(floats, min_size=len(times), max_size=len(times)))
    chunk = Chunk.of(times, values)
    back = decode([Encoded(encode(chunk), CODEC, times[0])])
    assert np.array_equal(back.time_ns, chunk.time_ns)
    assert back.value.tobytes() == chunk.value.tobytes()


def test_a_regular_series_is_stored_in_a_fraction_of_its_size() -> None:
    times = np.arange(10_000) * 100_000_000
    chunk = Chunk.of(times, 500 + np.round(np.sin(times / 1e9)))
    assert len(encode(chunk)) < 0.05 * 16 * len(chunk)


def test_a_chunk_of_an_unknown_codec_is_refused() -> None:
    with pytest.raises(UnknownCodecError, match="future"):
        decode([Encoded(b"", "future", 0)])


def test_chunks_written_by_the_first_version_are_still_read() -> None:
    written = bytes.fromhex("28b52ffd203085000050000a0a00f000123f404001001f4004")
    chunk = decode([Encoded(written, "delta-shuffle-zstd", 5)])
    assert (chunk.time_ns.tolist(), chunk.value.tolist()) == ([5, 15, 25], [1.0, 2.0, 4.5])


def test_appended_chunks_are_read_as_one_series(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk_rows, "MAX_CHUNK", 7)
    with database.write() as session:
        run_id = a_run(session)
        for start in (0, 10, 20):
            chunk = Chunk.of(np.arange(start, start + 10) + 1_000, np.arange(start, start + 10, dtype=float))
            series.append(session, run_id, [SeriesUpdate(RSS, chunk)], clock_zero_ns=1_000)
    with database.read() as session:
        head = series.get(session, run_id, "rss")
        whole = series.read(session, head.id)
        part = series.read(session, head.id, start_ns=8, end_ns=23)
    assert head.samples == 30
    assert whole.time_ns.tolist() == list(range(30))
    assert whole.value.tolist() == [float(i) for i in range(30)]
    assert part.time_ns.tolist() == list(range(8, 24)), "both ends of a window are in it"


def test_a_metric_comes_back_as_its_source_offered_it(database: Database) -> None:
    metrics = [LATENCY, POWER, RSS, THROTTLED]
    with database.write() as session:
        run_id = a_run(session)
        updates = [SeriesUpdate(metric, counted(0, 3)) for metric in reversed(metrics)]
        series.append(session, run_id, updates, clock_zero_ns=0)
    with database.read() as session:
        heads = series.list_heads(session, run_id)
    assert [head.metric for head in heads] == metrics, "by name"
    assert [(head.samples, head.absence, head.thinned_from) for head in heads] == [(3, None, None)] * 4


def test_updates_of_one_metric_that_waited_are_stored_in_their_order(database: Database) -> None:
    with database.write() as session:
        run_id = a_run(session)
        began = SeriesUpdate(RSS, counted(10, 12), (Gap(11, None, STALLED),))
        ended = SeriesUpdate(RSS, counted(15, 17), (Gap(11, 15, STALLED),))
        series.append(session, run_id, [began, ended], clock_zero_ns=10)
    with database.read() as session:
        head = series.get(session, run_id, "rss")
        assert series.read(session, head.id).time_ns.tolist() == [0, 1, 5, 6]
        assert series.gaps(session, head.id) == (Gap(1, 5, STALLED),)
        assert head.absence is None


def test_samples_out_of_order_and_without_a_number_are_put_right_before_they_are_stored(database: Database) -> None:
    with database.write() as session:
        run_id = a_run(session)
        put(session, run_id, RSS, Chunk.of([5, 1, 3, 2], [50.0, 10.0, np.nan, np.inf]))
    with database.read() as session:
        chunk = series.read(session, series.get(session, run_id, "rss").id)
    assert (chunk.time_ns.tolist(), chunk.value.tolist()) == ([1, 5], [10.0, 50.0])


def test_a_metric_without_samples_says_why(database: Database) -> None:
    with database.write() as session:
        run_id = a_run(session)
        put(session, run_id, RSS, Chunk.joined([]), [Gap(0, None, FORBIDDEN)])
    with database.read() as session:
        (head,) = series.list_heads(session, run_id)
        assert (head.absence, head.samples) == (FORBIDDEN, 0)
        assert len(series.read(session, head.id)) == 0
        assert len(series.downsample(session, head, 10)) == 0
        with pytest.raises(NotFoundError, match=r"'power'; there are: rss"):
            series.get(session, run_id, "power")


def test_a_gap_that_ends_is_the_same_gap_and_the_series_is_there_again(database: Database) -> None:
    with database.write() as session:
        run_id = a_run(session)
        put(session, run_id, RSS, counted(0, 10), [Gap(9, None, STALLED)])
    with database.read() as session:
        head = series.get(session, run_id, "rss")
        assert (head.absence, series.gaps(session, head.id)) == (STALLED, (Gap(9, None, STALLED),))
    with database.write() as session:
        put(session, run_id, RSS, counted(50, 60), [Gap(9, 50, STALLED)])
    with database.read() as session:
        head = series.get(session, run_id, "rss")
        assert (head.absence, series.gaps(session, head.id)) == (None, (Gap(9, 50, STALLED),))


def test_a_gap_goes_on_for_another_reason(database: Database) -> None:
    lost = Absence(AbsenceState.LOST, "the GPU fell off the bus")
    with database.write() as session:
        run_id = a_run(session)
        put(session, run_id, RSS, counted(0, 10), [Gap(9, None, STALLED)])
        put(session, run_id, RSS, Chunk.joined([]), [Gap(9, 20, STALLED), Gap(20, None, lost)])
    with database.read() as session:
        head = series.get(session, run_id, "rss")
        assert head.absence == lost
        assert series.gaps(session, head.id) == (Gap(9, 20, STALLED), Gap(20, None, lost))


def test_gaps_of_a_span_are_those_that_touch_it(database: Database) -> None:
    gaps = (Gap(10, 20, STALLED), Gap(30, 40, STALLED), Gap(50, None, FORBIDDEN))
    with database.write() as session:
        run_id = a_run(session)
        put(session, run_id, RSS, counted(0, 10), gaps)
    with database.read() as session:
        head = series.get(session, run_id, "rss")
        assert series.gaps(session, head.id, 20, 30) == gaps[:2]
        assert series.gaps(session, head.id, 21, 29) == ()
        assert series.gaps(session, head.id, start_ns=99) == gaps[2:]
        assert series.gaps(session, head.id, end_ns=12) == gaps[:1]


@pytest.mark.parametrize("limit", [1, 3, 4, 10, 11])
def test_pages_skip_and_repeat_nothing(database: Database, limit: int) -> None:
    times = [0, 1, 1, 1, 2, 3, 3, 4, 5, 6, 7]
    with database.write() as session:
        run_id = a_run(session)
        for part in (times[:3], times[3:8], times[8:]):
            put(session, run_id, RSS, Chunk.of(part, part))
    with database.read() as session:
        series_id = series.get(session, run_id, "rss").id
        start_ns: int | None = None
        seen: list[int] = []
        while True:
            page = series.read_page(session, series_id, start_ns, None, limit)
            seen += page.chunk.time_ns.tolist()
            if page.next_ns is None:
                break
            start_ns = page.next_ns
    assert seen == times


def test_many_series_are_appended_and_followed_with_few_statements(database: Database) -> None:
    metrics = [replace(RSS, name=f"rss-{index}") for index in range(50)]
    updates = [SeriesUpdate(metric, counted(0, 5), (Gap(4, None, STALLED),)) for metric in metrics]
    with database.write() as session:
        run_id = a_run(session)
        session.flush()
        with counted_statements(database) as first:
            series.append(session, run_id, updates, 0)
        with counted_statements(database) as second:
            series.append(session, run_id, [SeriesUpdate(metric, counted(5, 9)) for metric in metrics], 0)
        with counted_statements(database) as third:
            news = series.since(session, run_id, {metric.name: 6 for metric in metrics})
    assert len(first) <= 6
    assert len(second) <= 2
    assert len(third) <= 3
    assert len(news) == 50
