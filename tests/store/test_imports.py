"""Imported results are kept once each, in histories of their own or as the past of one that there is, and judged."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from migperf.errors import ConflictError, NotFoundError
from migperf.histories.importing.errors import ImportingError
from migperf.histories.importing.reading import read
from migperf.histories.regression import ConfirmationState
from migperf.histories.watch import Watch
from migperf.measure.benchmark import Benchmark
from migperf.statistics.detection.verdict import HistoryVerdict
from migperf.store import imports, watching
from migperf.store.database import Database, now
from migperf.store.history_tables import ConfirmationRow, HistoryRow, PointRow, RegressionRow
from migperf.store.imports import Kept
from migperf.store.models import AlertRow
from tests import builders
from tests.databases import counted_statements
from tests.histories.imported_files import HOUR, NOON, histories, local_run, pytest_benchmark, table, text_of
from tests.history_builder import judge, measured, noisy


def imported(database: Database, text: str, **asked: Any) -> list[Kept]:
    with database.write() as session:
        return imports.keep(session, read(text), now(session), **asked)


def past(database: Database, history: HistoryRow, text: str) -> list[Kept]:
    with database.write() as session:
        return imports.keep_in(session, read(text), history.id, now(session))


def rows(database: Database, entity: Any) -> list[Any]:
    with database.read() as session:
        return list(session.scalars(select(entity)).unique())


def the_history(database: Database) -> HistoryRow:
    (row,) = rows(database, HistoryRow)
    assert isinstance(row, HistoryRow)
    return row


def test_a_file_makes_histories_and_another_of_the_same_benchmarks_goes_on_with_them(database: Database) -> None:
    first = imported(database, text_of(pytest_benchmark()))
    second = imported(database, text_of(pytest_benchmark(NOON + HOUR)))
    assert [(kept.new, kept.known) for kept in (*first, *second)] == [(1, 0)] * 4
    found = rows(database, HistoryRow)
    assert {row.workload for row in found} == {
        "tests/test_speed.py::test_parse",
        "tests/test_speed.py::test_sort[1000]",
    }
    assert {(row.scenario, row.watch, row.benchmark) for row in found} == {(None, None, None)}
    assert {row.hardware["logical_cpus"] for row in found} == {8}
    assert len(rows(database, PointRow)) == 4
    assert {row.origin for row in rows(database, PointRow)} == {"pytest-benchmark"}


def test_what_was_imported_before_is_counted_and_not_doubled(database: Database) -> None:
    values = noisy(12)
    imported(database, text_of(histories(values)))
    judge(database)
    edition = the_history(database).edition
    (again,) = imported(database, text_of(histories(values)))
    assert (again.new, again.known) == (0, 12)
    assert (the_history(database).edition, the_history(database).pending) == (edition, False)
    (more,) = imported(database, text_of(histories([*values, 100.0])))
    assert (more.new, more.known) == (1, 12)
    assert the_history(database).pending
    assert not the_history(database).anew


def test_what_lies_before_judged_points_has_all_judged_anew(database: Database) -> None:
    imported(database, text_of(histories(noisy(12), begin=NOON + 20 * HOUR)))
    judge(database)
    imported(database, text_of(histories(noisy(12, seed=2))))
    assert the_history(database).anew
    judge(database)
    assert the_history(database).points == 24


def test_metrics_of_other_tools_are_judged_in_the_direction_of_the_file_without_anybody_watching(
    database: Database,
) -> None:
    for better, verdict in (("lower", HistoryVerdict.REGRESSED), ("higher", HistoryVerdict.IMPROVED)):
        metrics = {"latency": {"unit": "ms", "better": better}}
        imported(database, text_of(histories([*noisy(20), *noisy(12, 120.0)], metrics=metrics, name=better)))
        judge(database)
        with database.read() as session:
            row = session.scalars(select(HistoryRow).where(HistoryRow.workload == better)).one()
        assert (row.points, row.verdict) == (32, verdict), row.why
    assert rows(database, RegressionRow) == rows(database, AlertRow) == []


def test_nobody_is_alarmed_of_a_past_that_is_over_and_of_a_regression_that_stands_when_watched(
    database: Database,
) -> None:
    over = [*noisy(20), *noisy(12, 120.0), *noisy(12, seed=3)]
    imported(database, text_of(histories(over)), watch=True)
    judge(database)
    assert the_history(database).watch == Watch().model_dump(mode="json")
    assert rows(database, RegressionRow) == rows(database, AlertRow) == []
    later = noisy(12, 120.0, seed=4)
    imported(database, text_of(histories(later, begin=NOON + len(over) * HOUR)))
    judge(database)
    (regression,) = rows(database, RegressionRow)
    assert regression.first_bad.number == len(over)
    (confirmation,) = rows(database, ConfirmationRow)
    assert confirmation.state is ConfirmationState.IMPOSSIBLE
    (alert,) = rows(database, AlertRow)
    assert alert.subject == regression.id
    assert "impossible: its results come from another tool" in alert.text


def test_an_import_leaves_a_watch_that_somebody_set_as_it_is(database: Database) -> None:
    imported(database, text_of(histories(noisy(3))))
    asked = Watch(minimum_effect=0.2)
    with database.write() as session:
        watching.set_by_hand(session.scalars(select(HistoryRow)).one(), asked)
    imported(database, text_of(histories(noisy(4))), watch=True)
    assert the_history(database).watch == asked.model_dump(mode="json")


def test_a_run_of_migperf_is_a_point_of_the_history_that_the_service_has_of_it(database: Database) -> None:
    (run_id,) = measured(database, [100.0])
    judge(database)
    with database.write() as session:
        run = builders.submit(session, NOON, workload="test-step", scenario="train")
        benchmark = run.benchmark
    text = text_of(local_run(Benchmark.model_validate(benchmark), builders.partition(), NOON + HOUR, 101.0))
    (kept,) = imported(database, text)
    assert (kept.new, imported(database, text)[0].new) == (1, 0)
    first, second = sorted(rows(database, PointRow), key=lambda row: row.at)
    assert (first.run_id, second.run_id) == (run_id, None)
    assert first.history_id == second.history_id
    assert [row.figures["step_time_p50"]["value"] for row in (first, second)] == [100.0, 101.0]
    history = the_history(database)
    assert (history.imported_metrics, history.latest_at) == (None, NOON + HOUR)
    assert history.benchmark is not None
    judge(database)
    assert the_history(database).points == 2


def test_a_run_of_migperf_begins_a_history_that_can_be_measured_again(database: Database) -> None:
    with database.write() as session:
        benchmark = builders.submit(session, NOON, workload="test-step", scenario="train").benchmark
    imported(database, text_of(local_run(Benchmark.model_validate(benchmark), builders.partition())))
    history = the_history(database)
    assert history.benchmark == benchmark
    assert history.title == "test-step train on a processor"
    measured(database, [100.0], NOON + HOUR)
    judge(database)
    assert the_history(database).points == 2


def test_a_foreign_past_goes_into_a_history_whose_figures_have_its_names_and_units(database: Database) -> None:
    measured(database, noisy(3), NOON + 100 * HOUR)
    judge(database)
    history = the_history(database)
    text = table(*(f"{_at(n)},step,step_time_p50,{value},ms" for n, value in enumerate(noisy(12))), columns=_COLUMNS)
    (kept,) = past(database, history, text)
    assert kept.new == 12
    judge(database)
    assert the_history(database).points == 15
    foreign = [row for row in rows(database, PointRow) if row.origin == "csv"]
    assert {row.environment["measured_by"] for row in foreign} == {"csv"}
    assert past(database, history, text)[0].new == 0


@pytest.mark.parametrize(("metric", "unit"), [("step_time_p50", "s"), ("speed", "ms")])
def test_figures_of_other_names_or_units_go_into_no_history(database: Database, metric: str, unit: str) -> None:
    measured(database, noisy(1))
    judge(database)
    text = table(f"{_at(0)},step,{metric},1,{unit},lower")
    with pytest.raises(ConflictError, match=rf"{metric} \({unit}\).*step_time_p50 \(ms\)"):
        past(database, the_history(database), text)
    assert len(rows(database, PointRow)) == 1


def test_a_history_gets_the_past_of_one_benchmark(database: Database) -> None:
    measured(database, noisy(1))
    judge(database)
    history = the_history(database)
    with pytest.raises(ConflictError, match="the file has 2"):
        past(database, history, text_of(pytest_benchmark()))
    found = read(text_of(pytest_benchmark()))
    (chosen,) = imports.named(found, "tests/test_speed.py::test_parse")
    assert chosen.name == "tests/test_speed.py::test_parse"
    with pytest.raises(NotFoundError, match=r"there are: .*test_parse"):
        imports.named(found, "test_prase")
    with database.write() as session, pytest.raises(NotFoundError):
        imports.keep_in(session, [chosen], "unheard", now(session))


def test_a_metric_does_not_change_its_unit_or_direction_within_a_history(database: Database) -> None:
    imported(database, text_of(histories(noisy(3))))
    for metric in ({"unit": "s", "better": "lower"}, {"unit": "ms", "better": "higher"}):
        changed = histories([1.0], begin=NOON + 9 * HOUR, metrics={"latency": metric})
        with pytest.raises(ConflictError, match=r"in ms and better lower in history"):
            imported(database, text_of(changed))
    assert len(rows(database, PointRow)) == 3


def test_metrics_that_come_later_are_judged_with_those_that_were_there(database: Database) -> None:
    imported(database, text_of(histories(noisy(12))))
    judge(database)
    document = histories([], metrics={"size": {"unit": "MB", "better": "lower"}})
    document["histories"][0]["points"] = [
        {"time": _at(20 + n), "figures": {"size": {"value": value}}} for n, value in enumerate(noisy(12))
    ]
    imported(database, text_of(document))
    judge(database)
    history = the_history(database)
    assert history.points == 24
    assert history.judged is not None
    assert set(history.judged["metrics"]) == {"latency", "size"}


def test_nothing_of_a_file_is_kept_if_one_part_of_it_cannot_be(database: Database) -> None:
    document = histories([1.0])
    future = datetime.now(NOON.tzinfo) + timedelta(days=3)
    document["histories"] += histories([1.0], begin=future, name="tomorrow")["histories"]
    with pytest.raises(ImportingError, match="lies in the future"):
        imported(database, text_of(document))
    assert rows(database, HistoryRow) == rows(database, PointRow) == []


def test_a_long_past_takes_few_statements(database: Database) -> None:
    text = text_of(histories([100.0] * 3000))
    with counted_statements(database) as statements:
        (kept,) = imported(database, text)
    assert kept.new == 3000
    assert len(statements) < 30


_COLUMNS = "time,benchmark,metric,value,unit"


def _at(number: int) -> str:
    return (NOON + number * HOUR).isoformat()
