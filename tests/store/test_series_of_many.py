"""All series of a run are read at once: each as it is read by itself, in two statements however many there are."""

import numpy as np

from migperf.metrics.series import Chunk, Gap
from migperf.store import series
from migperf.store.database import Database
from tests.databases import counted_statements
from tests.store.series_builder import LATENCY, POWER, RSS, STALLED, THROTTLED, XID, a_run, counted, put, wave

POINTS = 200
LONG = 30_000
"""So many samples that outlines are read of them."""


def test_each_series_is_as_it_is_by_itself(database: Database) -> None:
    flag = np.zeros(LONG)
    flag[100] = 1
    with database.write() as session:
        run_id = a_run(session)
        put(session, run_id, POWER, wave(LONG), [Gap(5_000_000, 6_000_000, STALLED), Gap(9_000_000, None, STALLED)])
        put(session, run_id, RSS, counted(0, 5_000), [Gap(10, 11, STALLED)])
        put(session, run_id, THROTTLED, Chunk.of(np.arange(LONG), flag))
        put(session, run_id, XID, counted(0, LONG))
        put(session, run_id, LATENCY, Chunk.joined([]))
        other = a_run(session)
        put(session, other, RSS, counted(0, 10), [Gap(1, 2, STALLED)])
    with database.read() as session:
        heads = series.list_heads(session, run_id)
        found = series.downsample_all(session, heads, POINTS)
        for head, (chunk, gaps) in zip(heads, found, strict=True):
            alone = series.downsample(session, head, POINTS)
            assert chunk.time_ns.tolist() == alone.time_ns.tolist(), head.metric.name
            assert chunk.value.tolist() == alone.value.tolist(), head.metric.name
            assert gaps == series.gaps(session, head.id), head.metric.name
    by_name = {head.metric.name: len(chunk) for head, (chunk, _) in zip(heads, found, strict=True)}
    assert by_name["xid"] == LONG, "each event"
    assert by_name["latency"] == 0
    assert by_name["power"] <= POINTS + 4


def test_many_series_take_no_more_statements_than_few(database: Database) -> None:
    with database.write() as session:
        run_id = a_run(session)
        for metric in (POWER, RSS, THROTTLED, XID, LATENCY):
            put(session, run_id, metric, counted(0, 1_000), [Gap(10, 11, STALLED)])
    with database.read() as session:
        heads = series.list_heads(session, run_id)
        with counted_statements(database) as statements:
            series.downsample_all(session, heads, POINTS)
    assert len(statements) == 2


def test_a_run_without_series_has_none_to_read(database: Database) -> None:
    with database.read() as session:
        assert series.downsample_all(session, [], POINTS) == []


def test_what_runs_have_samples_of_is_told_once_and_by_name(database: Database) -> None:
    with database.write() as session:
        first, second, other = a_run(session), a_run(session), a_run(session)
        for run_id in (first, second):
            put(session, run_id, RSS, counted(0, 10))
        put(session, second, POWER, counted(0, 10))
        put(session, first, THROTTLED, Chunk.joined([]), [Gap(0, None, STALLED)])
        put(session, other, XID, counted(0, 10))
    with database.read() as session:
        assert series.metrics_of(session, [first, second]) == [POWER, RSS]
        assert series.metrics_of(session, []) == []
