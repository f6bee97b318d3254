"""Summaries and figures come back as they were stored, what is unknown as unknown."""

from migperf.measure.figures import ResultFigure
from migperf.metrics.metric import Scope
from migperf.metrics.summary import SeriesSummary
from migperf.store import results, series
from migperf.store.database import Database
from tests.store.series_builder import POWER, RSS, THROTTLED, a_run, counted, put

OF_POWER = SeriesSummary(
    metric=POWER,
    samples=600,
    covered=0.99,
    mean=301.5,
    minimum=250.0,
    maximum=399.0,
    p50=300.0,
    p90=380.0,
    p95=390.0,
    p99=398.0,
    total=18_090.0,
    total_unit="J",
)
OF_THROTTLED = SeriesSummary(metric=THROTTLED, samples=600, share=0.0, events=0)
OF_RSS = SeriesSummary(metric=RSS, samples=0, absent="the worker may not read it")


def test_summaries_come_back_by_name_as_they_were_stored(database: Database) -> None:
    with database.write() as session:
        run_id = a_run(session)
        put(session, run_id, POWER, counted(0, 3))
        series.store_summaries(session, run_id, [OF_POWER, OF_THROTTLED, OF_RSS])
    with database.read() as session:
        stored = series.read_summaries(session, run_id)
        heads = [head.metric.name for head in series.list_heads(session, run_id)]
    assert stored == {"power": OF_POWER, "rss": OF_RSS, "throttled": OF_THROTTLED}
    assert heads == ["power", "rss", "throttled"], "a metric that never had a sample has a series, too"


def test_summaries_stored_again_replace_the_earlier_ones(database: Database) -> None:
    with database.write() as session:
        run_id = a_run(session)
        series.store_summaries(session, run_id, [SeriesSummary(metric=POWER, samples=1, mean=1.0)])
        series.store_summaries(session, run_id, [OF_POWER])
        assert series.read_summaries(session, run_id) == {"power": OF_POWER}


def test_a_figure_keeps_how_it_was_come_by_and_how_often_its_meter_is_read(database: Database) -> None:
    figures = [
        ResultFigure(
            name="energy", unit="J", scope=Scope.GPU, value=12.5, method="counter difference", update_period_ms=20.5
        ),
        ResultFigure(name="power", unit="W", scope=Scope.GPU, absent="the board has no sensor"),
    ]
    with database.write() as session:
        run_id = a_run(session)
        results.store_figures(session, run_id, figures)
    with database.read() as session:
        assert results.read_figures(session, run_id) == figures
