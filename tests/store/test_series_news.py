"""A follower is told what has come to each series since its last look, once, and which gaps are going on."""

from migperf.metrics.series import Gap
from migperf.store import series
from migperf.store.database import Database
from tests.store.series_builder import POWER, RSS, STALLED, XID, a_run, counted, put


def test_a_follower_gets_what_is_later_than_it_knows_of_each_series(database: Database) -> None:
    with database.write() as session:
        run_id = a_run(session)
        for start in (0, 10, 20):
            put(session, run_id, RSS, counted(start, start + 10))
            put(session, run_id, POWER, counted(start, start + 10))
        put(session, run_id, XID, counted(3, 4))
    with database.read() as session:
        news = {head.metric.name: chunk for head, chunk, _ in series.since(session, run_id, {"rss": 14, "xid": 3})}
        only = series.since(session, run_id, {"rss": 29}, names=["rss"])
    assert news["rss"].time_ns.tolist() == list(range(15, 30))
    assert news["power"].time_ns.tolist() == list(range(30)), "all, of a series that it knows nothing of"
    assert len(news["xid"]) == 0
    assert [(head.metric.name, len(chunk)) for head, chunk, _ in only] == [("rss", 0)]


def test_a_follower_gets_gaps_that_ended_later_than_it_knows_and_those_that_go_on(database: Database) -> None:
    early, over, on = Gap(2, 4, STALLED), Gap(10, 20, STALLED), Gap(25, None, STALLED)
    with database.write() as session:
        run_id = a_run(session)
        put(session, run_id, RSS, counted(0, 26), [early, over, on])
    with database.read() as session:
        ((_, _, first),) = series.since(session, run_id, {})
        ((_, _, later),) = series.since(session, run_id, {"rss": 10})
        ((_, _, last),) = series.since(session, run_id, {"rss": 25})
    assert (first, later, last) == ((early, over, on), (over, on), (on,))


def test_a_follower_that_looks_again_and_again_meets_each_sample_once_whatever_is_merged(database: Database) -> None:
    seen: list[int] = []
    with database.write() as session:
        run_id = a_run(session)
        for start in range(0, 1_000, 7):
            put(session, run_id, RSS, counted(start, start + 7))
            series.compact(session, run_id, whole=start % 350 == 0)
            ((_, chunk, _),) = series.since(session, run_id, {"rss": seen[-1]} if seen else {})
            seen += chunk.time_ns.tolist()
    assert seen == list(range(start + 7))


def test_a_run_without_series_has_no_news(database: Database) -> None:
    with database.write() as session:
        assert series.since(session, a_run(session), {}) == []
