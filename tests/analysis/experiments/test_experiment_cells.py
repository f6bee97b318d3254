"""What experiments leave behind becomes cells with values over repeats, and reasons where there are none."""

from typing import Any

import pytest

from migperf.analysis.experiments.cells import CellResult, CellState, cell_results
from migperf.analysis.experiments.observations import FigureKey, Of
from migperf.analysis.experiments.results import experiment_results
from migperf.errors import NotFoundError
from migperf.statistics.run_means import mean_over_runs
from migperf.store.database import Database
from migperf.store.states import RunState
from tests.analysis.experiments.made_experiments import (
    Ending,
    Told,
    alone,
    cell,
    figure,
    made,
    throughput,
    together,
)
from tests.api.steps import TAINT
from tests.databases import BACKENDS

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
BOTH = pytest.mark.parametrize("database_url", BACKENDS, indirect=True)


def read(database: Database, experiment_id: str, *, keep_tainted: bool = True) -> tuple[CellResult, ...]:
    with database.read() as session:
        return cell_results(experiment_results(session, experiment_id), keep_tainted=keep_tainted)


def always(*values: float) -> Told:
    """Each repeat has the value at its place."""
    return lambda _run, group, _coordinates: Ending([throughput(values[group.repeat])])


@BOTH
def test_a_cell_has_the_mean_over_its_repeats_with_an_interval_over_repeats(database: Database) -> None:
    (found,) = read(database, made(database, [cell(batch_size=4)], always(100, 104, 96), repeats=3))
    value = found.headline("throughput")
    assert value is not None
    assert value.value == pytest.approx(100)
    expected = mean_over_runs([100, 104, 96])
    assert expected is not None
    assert value.interval is not None
    assert (value.interval.low, value.interval.high) == pytest.approx((expected.low, expected.high))
    assert (value.repeats, found.state, found.why) == (3, CellState.COMPLETE, ())
    assert "3 repeats" in value.method


@SQLITE
def test_one_repeat_has_its_own_interval_and_says_so(database: Database) -> None:
    (found,) = read(database, made(database, [cell(batch_size=4)], always(100)))
    value = found.headline("throughput")
    assert value is not None
    assert value.interval is not None
    assert (value.interval.low, value.interval.high) == pytest.approx((99, 101))
    assert "one repeat" in value.method
    assert "batch means" in value.method


@SQLITE
def test_the_last_attempt_at_a_repeat_is_the_one_that_counts(database: Database) -> None:
    def told(run: Any, group: Any, coordinates: Any) -> Ending:
        if group.attempt == 1:
            return Ending([throughput(1)], RunState.FAILED, "a bad day")
        return Ending([throughput(50)])

    (found,) = read(database, made(database, [cell(batch_size=4)], told, retry_failed=1))
    assert found.headline("throughput").value == 50  # type: ignore[union-attr]
    assert found.repeats[0].attempt == 2


@BOTH
def test_cells_without_figures_say_why(database: Database) -> None:
    endings = {
        1: None,
        2: Ending(state=RunState.DOES_NOT_FIT, reason="needs 90 GiB, the partition has 10"),
        3: Ending(state=RunState.FAILED, reason="ValueError: no"),
    }
    cells = [cell(n=n) for n in endings] + [cell(n=4, skipped="the layout is not legal here")]
    opened, unfit, failed, skipped = read(
        database, made(database, cells, lambda _run, _group, coordinates: endings[coordinates["n"]])
    )
    assert (opened.state, opened.why) == (CellState.OPEN, ("repeat 1: has not ended (queued)",))
    assert (unfit.state, unfit.why) == (
        CellState.MISSING,
        ("repeat 1: does_not_fit: needs 90 GiB, the partition has 10",),
    )
    assert failed.why == ("repeat 1: failed: ValueError: no",)
    assert (skipped.state, skipped.why) == (CellState.SKIPPED, ("the layout is not legal here",))
    assert [len(one.figures) for one in (opened, unfit, failed, skipped)] == [0, 0, 0, 0]


@SQLITE
def test_a_failed_repeat_leaves_the_others_usable(database: Database) -> None:
    def told(run: Any, group: Any, coordinates: Any) -> Ending:
        return Ending(state=RunState.TIMED_OUT, reason="60 s") if group.repeat == 1 else Ending([throughput(10)])

    (found,) = read(database, made(database, [cell(n=1)], told, repeats=3))
    assert (found.state, found.why) == (CellState.PARTIAL, ("repeat 2: timed_out: 60 s",))
    assert found.headline("throughput").repeats == 2  # type: ignore[union-attr]


@SQLITE
def test_clients_have_their_own_figures_and_those_of_all_together(database: Database) -> None:
    def told(run: Any, group: Any, coordinates: Any) -> Ending:
        if run.role != "client":
            return Ending([throughput(777)])
        client = [
            throughput((10, 20)[run.member]),
            figure("latency_p99", (5.0, 9.0)[run.member]),
            figure("latency_mean", (2.0, 4.0)[run.member], samples=(100, 300)[run.member]),
            figure("rss_max", (100, 200)[run.member], "MiB"),
        ]
        return Ending(client)

    (found,) = read(database, made(database, [cell(together(2, 1), n=1)], told))
    values = {(key.name, key.of, key.member): one.value for key, one in found.figures.items()}
    assert values[("throughput", Of.CLIENT, 0)] == 10
    assert values[("throughput", Of.CLIENT, 1)] == 20
    assert values[("throughput", Of.NEIGHBOUR, 2)] == 777
    assert values[("throughput", Of.TOTAL, None)] == 30
    assert values[("throughput", Of.MEAN, None)] == 15
    assert values[("latency_p99", Of.WORST, None)] == 9.0
    assert values[("latency_mean", Of.POOLED, None)] == pytest.approx(3.5)
    assert values[("rss_max", Of.MEAN, None)] == 150
    assert ("rss_max", Of.TOTAL, None) not in values
    total = found.headline("throughput")
    assert total is not None
    assert total.interval is not None
    assert (total.interval.low, total.interval.high) == pytest.approx((29.7, 30.3))


@SQLITE
def test_a_client_without_a_figure_leaves_the_total_without_one(database: Database) -> None:
    def told(run: Any, group: Any, coordinates: Any) -> Ending:
        absent = figure("latency_p99", None, absent="needs at least 459 steps")
        return Ending([throughput(10), absent if run.member else figure("latency_p99", 3.0)])

    (found,) = read(database, made(database, [cell(together(2), n=1)], told))
    worst = found.figures[FigureKey("latency_p99", Of.WORST)]
    assert (worst.value, worst.absent) == (None, "client 1: needs at least 459 steps")


@SQLITE
def test_tainted_repeats_are_marked_or_left_out(database: Database) -> None:
    def told(run: Any, group: Any, coordinates: Any) -> Ending:
        return Ending([throughput(10 + group.repeat)], taints=[TAINT.model_dump()] if group.repeat == 1 else [])

    made_id = made(database, [cell(alone(), n=1)], told, repeats=2)
    (kept,), (left,) = read(database, made_id), read(database, made_id, keep_tainted=False)
    assert (kept.headline("throughput").value, kept.headline("throughput").tainted) == (10.5, True)  # type: ignore[union-attr]
    assert kept.taints == ("busy_neighbours",)
    assert (left.headline("throughput").value, left.headline("throughput").tainted) == (10, False)  # type: ignore[union-attr]
    assert left.why == ("repeat 2: left out, since it is tainted (busy_neighbours)",)


@SQLITE
def test_an_unknown_experiment_is_said_to_be_unknown(database: Database) -> None:
    with database.read() as session, pytest.raises(NotFoundError, match="no-such"):
        experiment_results(session, "no-such")
