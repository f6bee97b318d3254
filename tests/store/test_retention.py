"""Retention thins watched series of runs that ended long ago, and nothing else."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import update
from sqlalchemy.orm import Session

from migperf.measure.figures import ResultFigure
from migperf.metrics.metric import Kind, Scope
from migperf.metrics.series import Chunk, Gap
from migperf.metrics.summary import SeriesSummary
from migperf.store import results, retention, series
from migperf.store.database import Database
from migperf.store.models import Run
from tests.store.series_builder import (
    LATENCY,
    NOW,
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

LONG_AGO = NOW - timedelta(days=100)
BEFORE = NOW - timedelta(days=90)
POINTS = 200


def ended_run(session: Session, at: datetime = LONG_AGO, samples: int = 10_000) -> str:
    run_id = a_run(session)
    session.execute(update(Run).where(Run.id == run_id).values(finished_at=at))
    put_live(session, run_id, POWER, wave(samples), size=1_000)
    return run_id


def stored(session: Session, run_id: str, name: str) -> tuple[series.SeriesHead, Chunk]:
    head = series.get(session, run_id, name)
    return head, series.read(session, head.id)


def test_a_thinned_series_keeps_extremes_and_gaps_and_says_how_many_samples_there_were(database: Database) -> None:
    gap = Gap(4_321_000_000, 4_322_000_000, STALLED)
    with database.write() as session:
        run_id = ended_run(session)
        put(session, run_id, POWER, Chunk.joined([]), [gap])
        assert retention.thin(session, BEFORE, POINTS, limit=1) == 1
    with database.read() as session:
        head, chunk = stored(session, run_id, "power")
        assert series.gaps(session, head.id) == (gap,)
        assert [row.count for row in chunk_rows(session, head)] == [len(chunk)]
    assert (head.samples, head.thinned_from) == (len(chunk), 10_000)
    assert len(chunk) <= POINTS
    assert (chunk.value.min(), chunk.value.max()) == (-5.0, 900.0)
    assert {gap.start_ns, gap.end_ns} <= set(chunk.time_ns.tolist())


def test_timings_events_short_series_results_and_summaries_are_not_touched(database: Database) -> None:
    figure = ResultFigure(name="energy", unit="J", scope=Scope.GPU, value=1.0)
    summary = SeriesSummary(metric=POWER, samples=10_000, mean=300.0)
    with database.write() as session:
        run_id = ended_run(session)
        pause = replace(LATENCY, name="pause", kind=Kind.GAUGE)
        for metric, count in ((LATENCY, 5_000), (pause, 5_000), (XID, 5_000), (RSS, POINTS)):
            put(session, run_id, metric, counted(0, count))
        results.store_figures(session, run_id, [figure])
        results.store_log(session, run_id, 1, b"a log", 5)
        series.store_summaries(session, run_id, [summary])
        retention.thin(session, BEFORE, POINTS, limit=1)
    with database.read() as session:
        for name, count in (("latency", 5_000), ("pause", 5_000), ("xid", 5_000), ("rss", POINTS)):
            head, chunk = stored(session, run_id, name)
            assert (head.thinned_from, len(chunk)) == (None, count)
        assert results.read_figures(session, run_id) == [figure]
        assert results.read_logs(session, run_id) == [(1, b"a log")]
        assert series.read_summaries(session, run_id) == {"power": summary}


def test_a_flag_that_was_set_for_a_moment_is_still_set_after_thinning(database: Database) -> None:
    value = np.zeros(10_000)
    value[6_000] = 1
    with database.write() as session:
        run_id = ended_run(session)
        put(session, run_id, THROTTLED, Chunk.of(np.arange(10_000), value))
        retention.thin(session, BEFORE, POINTS, limit=1)
        _, chunk = stored(session, run_id, "throttled")
    assert chunk.time_ns[chunk.value == 1].tolist() == [6_000]


def test_runs_that_ended_later_or_not_at_all_stay_whole(database: Database) -> None:
    with database.write() as session:
        young = ended_run(session, at=NOW)
        going = a_run(session)
        put(session, going, POWER, wave(1_000))
        assert retention.thin(session, BEFORE, POINTS, limit=10) == 0
        assert [stored(session, run, "power")[0].thinned_from for run in (young, going)] == [None, None]


def test_the_oldest_runs_come_first_and_each_once(database: Database) -> None:
    with database.write() as session:
        runs = [ended_run(session, LONG_AGO - timedelta(days=n), samples=1_000) for n in range(3)]
    done: list[list[bool]] = []
    for _ in range(3):
        with database.write() as session:
            retention.thin(session, BEFORE, POINTS, limit=1)
            done.append([stored(session, run, "power")[0].thinned_from is not None for run in runs])
    assert done == [[False, False, True], [False, True, True], [True, True, True]]
    with database.write() as session:
        assert retention.thin(session, BEFORE, POINTS, limit=10) == 0


def test_thinning_that_is_interrupted_leaves_the_run_whole_and_due(database: Database) -> None:
    with database.write() as session:
        run_id = ended_run(session)
    with database.write() as session:
        retention.thin(session, BEFORE, POINTS, limit=1)
        session.rollback()
    with database.write() as session:
        head, chunk = stored(session, run_id, "power")
        assert (head.thinned_from, len(chunk)) == (None, 10_000)
        assert retention.thin(session, BEFORE, POINTS, limit=1) == 1
