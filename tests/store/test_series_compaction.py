"""Merging small chunks changes how samples are stored, never which ones a reader meets."""

import threading

import numpy as np

from migperf.metrics.series import Chunk, Gap
from migperf.store import series
from migperf.store.chunk_rows import MAX_CHUNK, SMALL_CHUNK
from migperf.store.chunks import CODEC, Encoded, decode
from migperf.store.compaction import MERGE_FROM
from migperf.store.database import Database
from tests.store.series_builder import (
    LATENCY,
    POWER,
    RSS,
    STALLED,
    THROTTLED,
    XID,
    a_run,
    chunk_rows,
    counted,
    put,
    put_live,
    wave,
)


def test_a_run_that_goes_on_has_few_small_chunks_at_any_time(database: Database) -> None:
    with database.write() as session:
        run_id = a_run(session)
        for start in range(0, 20_000, 100):
            put(session, run_id, RSS, counted(start, start + 100))
            series.compact(session, run_id)
            rows = chunk_rows(session, series.get(session, run_id, "rss"))
            assert sum(row.count < SMALL_CHUNK for row in rows) <= MERGE_FROM
        assert len(rows) < 20_000 / SMALL_CHUNK + MERGE_FROM
        assert sum(row.count >= SMALL_CHUNK for row in rows) > 1, "what is large enough is not merged again and again"
        assert np.array_equal(series.read(session, rows[0].series_id).value, np.arange(20_000.0))


def test_a_large_chunk_among_small_ones_keeps_its_place(database: Database) -> None:
    with database.write() as session:
        run_id = a_run(session)
        put(session, run_id, LATENCY, counted(0, 10))
        put(session, run_id, LATENCY, counted(10, 5_000))
        for start in range(5_000, 5_000 + 2 * MERGE_FROM):
            put(session, run_id, LATENCY, counted(start, start + 1))
        series.compact(session, run_id)
        head = series.get(session, run_id, "latency")
        assert len(chunk_rows(session, head)) == 1
        assert series.read(session, head.id).time_ns.tolist() == list(range(5_000 + 2 * MERGE_FROM))


def test_at_its_end_a_run_has_full_chunks_and_a_second_time_changes_nothing(database: Database) -> None:
    count = 2 * MAX_CHUNK + 500
    with database.write() as session:
        run_id = a_run(session)
        for metric in (RSS, POWER):
            put_live(session, run_id, metric, counted(0, count), size=5_000)
        series.compact(session, run_id, whole=True)
        heads = series.list_heads(session, run_id)
        stored = [[(row.sequence, row.count) for row in chunk_rows(session, head)] for head in heads]
        assert stored == [[(0, MAX_CHUNK), (1, MAX_CHUNK), (2, 500)]] * 2
        series.compact(session, run_id, whole=True)
        assert stored == [[(row.sequence, row.count) for row in chunk_rows(session, head)] for head in heads]
        assert np.array_equal(series.read(session, heads[0].id).time_ns, np.arange(count))


def test_samples_go_on_behind_what_was_merged(database: Database) -> None:
    with database.write() as session:
        run_id = a_run(session)
        put_live(session, run_id, RSS, counted(0, 500), size=5)
        series.compact(session, run_id, whole=True)
        put(session, run_id, RSS, counted(500, 510))
        head = series.get(session, run_id, "rss")
        assert [row.sequence for row in chunk_rows(session, head)] == [0, 1]
        assert series.read(session, head.id).time_ns.tolist() == list(range(510))


def test_an_outline_has_few_samples_and_the_extremes_the_sides_of_gaps_and_the_changes_of_flags(
    database: Database,
) -> None:
    chunk = wave(20_000)
    gap = Gap(int(chunk.time_ns[7_000]), int(chunk.time_ns[7_001]), STALLED)
    flag = (np.arange(20_000) // 3_333) % 2
    with database.write() as session:
        run_id = a_run(session)
        put(session, run_id, POWER, chunk, [gap])
        put(session, run_id, THROTTLED, Chunk.of(chunk.time_ns, flag))
        power, throttled = (_outline(session, run_id, metric.name) for metric in (POWER, THROTTLED))
    assert len(power) <= 20_000 / 32
    assert (power.value.min(), power.value.max()) == (-5.0, 900.0)
    assert {gap.start_ns, gap.end_ns} <= set(power.time_ns.tolist())
    changes = chunk.time_ns[1:][np.diff(flag) != 0]
    assert np.array_equal(throttled.time_ns[1:][np.diff(throttled.value) != 0], changes)


def test_events_and_short_chunks_have_no_outline(database: Database) -> None:
    with database.write() as session:
        run_id = a_run(session)
        put(session, run_id, XID, counted(0, 10_000))
        put(session, run_id, POWER, counted(0, SMALL_CHUNK - 1))
        outlines = [row.outline for h in series.list_heads(session, run_id) for row in chunk_rows(session, h)]
    assert outlines == [None, None]


def test_who_reads_while_chunks_are_merged_meets_each_sample_once(database: Database) -> None:
    """A writer appends and merges without a pause; readers see a beginning of the series without holes or doubles."""
    with database.write() as session:
        run_id = a_run(session)
        put(session, run_id, RSS, counted(0, 5))
        series_id = series.get(session, run_id, "rss").id
    over = threading.Event()
    writer = threading.Thread(target=_grow, args=(database, run_id, over))
    writer.start()
    looks = 0
    while not over.is_set():
        with database.read() as session:
            head = series.get(session, run_id, "rss")
            seen = [series.read(session, series_id), series.downsample(session, head, 10**6)]
            seen.append(series.read_page(session, series_id, None, None, 10**6).chunk)
            seen.append(series.since(session, run_id, {})[0][1])
        for chunk in seen:
            assert chunk.time_ns.tolist() == list(range(len(chunk)))
        looks += 1
    writer.join()
    assert looks > 3


def _grow(database: Database, run_id: str, over: threading.Event) -> None:
    for start in range(5, 1_500, 5):
        with database.write() as session:
            put(session, run_id, RSS, counted(start, start + 5))
            series.compact(session, run_id, whole=start % 500 == 0)
    over.set()


def _outline(session, run_id: str, name: str) -> Chunk:
    (row,) = chunk_rows(session, series.get(session, run_id, name))
    assert row.outline is not None
    return decode([Encoded(row.outline, CODEC, row.first_ns)])
