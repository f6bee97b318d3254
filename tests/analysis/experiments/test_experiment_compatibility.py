"""The matrix of an experiment's probes: each run in its cell, in the file's order, with what kept it from working."""

from typing import Any

import pytest

from migperf.analysis.compatibility import Column, CompatibilityMatrix, Verdict
from migperf.analysis.experiments.compatibility import compatibility
from migperf.analysis.experiments.report import report_html
from migperf.analysis.experiments.results import experiment_results
from migperf.analysis.experiments.tidy import tidy_matrix
from migperf.store.database import Database
from migperf.store.states import RunState
from tests import builders
from tests.analysis.experiments.made_experiments import Ending, Told, cell, made, throughput
from tests.analysis.experiments.made_probes import (
    SMALL,
    fails,
    not_installed,
    probe_cell,
    server_cell,
    spoken,
    works,
)
from tests.api.steps import TAINT
from tests.databases import BACKENDS

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
CRASH = "killed by SIGSEGV while importing; see the run's log <script>"
CELLS = [
    probe_cell(framework, task, partition)
    for partition in ("small", "cpu")
    for framework in ("pytorch-eager", "jax", "tensorflow")
    for task in ("training", "inference")
]


def told(run: Any, group: Any, coordinates: Any) -> Ending:
    partition = SMALL if coordinates["partition"] == "small" else builders.partition("CPU-1")
    match coordinates["framework"]:
        case "tensorflow":
            return not_installed(coordinates, partition)
        case "jax" if coordinates["partition"] == "small":
            return fails(CRASH, coordinates, partition)
        case _:
            return works(coordinates, partition)


def late(told: Told, axis: str, value: str) -> Told:
    """Leave those runs in the queue at first, so that they end after all others."""
    left: set[str] = set()

    def ended(run: Any, group: Any, coordinates: Any) -> Ending | None:
        if coordinates[axis] == value and run.id not in left:
            left.add(run.id)
            return None
        return told(run, group, coordinates)

    return ended


def matrix_of(database: Database, experiment_id: str) -> CompatibilityMatrix:
    with database.read() as session:
        return compatibility(experiment_results(session, experiment_id))


def report_of(database: Database, experiment_id: str, **more: Any) -> str:
    with database.read() as session:
        return report_html(session, experiment_id, **more)


def section(html: str) -> str:
    """The section of the matrix, without what is before and after it."""
    return html.partition('<section id="compatibility">')[2].partition("</section>")[0]


@pytest.mark.parametrize("database_url", BACKENDS, indirect=True)
def test_each_probe_is_in_its_cell_and_rows_and_columns_are_in_the_order_of_the_file(database: Database) -> None:
    matrix = matrix_of(database, made(database, CELLS, late(told, "partition", "small")))
    assert matrix.columns == (Column("1g.10gb"), Column("cpu"))
    assert [(row.framework, row.task, *(cell.verdict.value for cell in row.cells)) for row in matrix.rows] == [
        ("pytorch-eager", "training", "works", "works"),
        ("pytorch-eager", "inference", "works", "works"),
        ("jax", "training", "fails", "works"),
        ("jax", "inference", "fails", "works"),
        ("tensorflow", "training", "not_installed", "not_installed"),
        ("tensorflow", "inference", "not_installed", "not_installed"),
    ]
    crashed = matrix.rows[2].cells[0]
    assert (crashed.reason, crashed.version, crashed.device) == (CRASH, "1.2.3", None)


@SQLITE
def test_one_that_died_before_it_spoke_is_known_by_what_it_was_asked(database: Database) -> None:
    matrix = matrix_of(database, made(database, [probe_cell("jax", "training")], lambda *_: fails("no disk is left")))
    (row,) = matrix.rows
    assert (row.framework, row.task, row.cells[0].verdict) == ("jax", "training", Verdict.NOT_PROBED)
    assert row.cells[0].reason == "no disk is left"


@SQLITE
def test_a_payload_of_ones_own_that_tells_what_it_probed_is_in_the_matrix(database: Database) -> None:
    made_id = made(database, [cell(n=1)], lambda *_: Ending([throughput(1.0)], environment=spoken("ours")))
    (row,) = matrix_of(database, made_id).rows
    assert (row.framework, row.task) == ("ours", "inference")


@SQLITE
def test_a_probe_that_waits_is_in_the_column_of_those_that_had_its_place(database: Database) -> None:
    cells = [probe_cell("jax", "training"), probe_cell("tensorflow", "training")]
    place = builders.partition("CPU-1", profile="pinned-1-core-of2")
    made_id = made(database, cells, lambda _, __, at: works(at, place) if at["framework"] == "tensorflow" else None)
    matrix = matrix_of(database, made_id)
    assert matrix.columns == (Column("pinned-1-core-of2"),)
    assert [(row.framework, row.cells[0].verdict.value) for row in matrix.rows] == [
        ("jax", "not_probed"),
        ("tensorflow", "works"),
    ]


@SQLITE
def test_of_repeats_one_failure_is_enough_and_of_attempts_the_last_counts(database: Database) -> None:
    def now_and_then(run: Any, group: Any, at: Any) -> Ending:
        return fails("SIGSEGV", at) if (group.repeat, group.attempt) == (1, 1) else works(at)

    cells = [probe_cell("jax", "training")]
    (once,) = matrix_of(database, made(database, cells, now_and_then, repeats=3)).rows
    assert once.cells[0].reason == "1 of 3 probes failed: SIGSEGV"
    (again,) = matrix_of(database, made(database, cells, now_and_then, repeats=3, retry_failed=1)).rows
    assert again.cells[0].verdict is Verdict.WORKS


@SQLITE
def test_the_newest_probe_decides_whatever_cell_of_the_file_it_is_of(database: Database) -> None:
    def told_(run: Any, group: Any, at: Any) -> Ending:
        return works(at, framework_version="2" if at["build"] == "new" else "1")

    cells = [probe_cell("jax", "training", build=build) for build in ("new", "old")]
    (row,) = matrix_of(database, made(database, cells, late(told_, "build", "new"))).rows
    assert row.cells[0].version == "2"


@SQLITE
def test_taints_and_void_runs(database: Database) -> None:
    def told_(run: Any, group: Any, at: Any) -> Ending:
        if at["framework"] == "jax":
            return fails("void: the partition was used by pid 7", at)
        return Ending([throughput(1.0)], taints=[TAINT.model_dump()], environment=spoken(at["framework"]))

    cells = [probe_cell("pytorch-eager", "training"), probe_cell("jax", "training")]
    experiment = made(database, cells, told_)
    verdicts = [row.cells[0].verdict for row in matrix_of(database, experiment).rows]
    assert verdicts == [Verdict.WORKS, Verdict.NOT_PROBED]
    assert "works" in section(report_of(database, experiment, keep_tainted=False))


@SQLITE
def test_a_server_is_in_the_column_that_the_experiment_names_and_never_on_the_probes_partition(
    database: Database,
) -> None:
    def told_(run: Any, group: Any, at: Any) -> Ending:
        return Ending([throughput(1.0)], environment=spoken(at["protocol"], framework_device="KIND_GPU[0]"))

    unsaid = matrix_of(database, made(database, [server_cell("triton")], told_))
    assert unsaid.columns == (Column("asked from cpu"),)
    cells = [server_cell("triton", server=server) for server in ("on 1g.10gb", "on 3g.40gb")]
    said = matrix_of(database, made(database, cells, told_))
    assert said.columns == (Column("on 1g.10gb"), Column("on 3g.40gb"))
    assert said.rows[0].cells[0].device == "KIND_GPU[0]"


@SQLITE
def test_the_report_has_the_matrix_with_every_reason_whole_and_once_and_no_charts_of_speed(database: Database) -> None:
    html = report_of(database, made(database, CELLS, told))
    shown = section(html)
    assert shown.count('class="works"') == 6
    assert shown.count('class="fails"') == 3, "two cells, and their reason"
    assert "works</span><small>1.2.3, cuda 13.0; on cuda:0</small>" in shown
    assert "fails (1)</span><small>1.2.3, cuda 13.0</small>" in shown
    assert shown.count("killed by SIGSEGV while importing; see the run&#39;s log &lt;script&gt;") == 1
    assert shown.count("tensorflow is not installed here") == 1
    assert "so there are no charts" in shown
    assert 'class="chart"' not in html
    assert "What sharing do" not in html


@SQLITE
def test_an_experiment_that_measures_as_well_keeps_its_charts_and_one_without_probes_has_no_matrix(
    database: Database,
) -> None:
    def told_(run: Any, group: Any, at: Any) -> Ending:
        return works(at) if at["framework"] else Ending([throughput(100.0 * at["n"])])

    measured = [cell(n=1, framework=None), cell(n=2, framework=None)]
    both = report_of(database, made(database, [*measured, probe_cell("jax", "training", n=3)], told_))
    assert "works" in section(both)
    assert "so there are no charts" not in both
    assert 'class="chart"' in both
    assert not section(report_of(database, made(database, measured, told_)))


@SQLITE
def test_simulated_partitions_are_marked_in_their_column(database: Database) -> None:
    place = SMALL.model_copy(update={"simulated": True})
    experiment = made(database, [probe_cell("jax", "training")], lambda _, __, at: works(at, place))
    assert matrix_of(database, experiment).columns == (Column("1g.10gb", simulated=True),)
    shown = section(report_of(database, experiment))
    assert "1g.10gb (simulated)" in shown
    assert "On simulated partitions probes computed on a CPU" in shown


@SQLITE
def test_the_matrix_is_a_tidy_table_as_well(database: Database) -> None:
    rows = tidy_matrix(matrix_of(database, made(database, CELLS, told))).to_pylist()
    assert len(rows) == 12
    assert rows[4] == {
        "framework": "jax",
        "task": "training",
        "partition": "1g.10gb",
        "simulated": False,
        "verdict": "fails",
        "reason": CRASH,
        "version": "1.2.3",
        "device": None,
        "probes": 1,
    }
    assert rows[5]["reason"] is None


@SQLITE
def test_probes_that_were_lost_say_nothing(database: Database) -> None:
    lost = Ending(state=RunState.CANCELLED, reason="cancelled", environment=spoken("jax"))
    (row,) = matrix_of(database, made(database, [probe_cell("jax", "training")], lambda *_: lost)).rows
    assert (row.cells[0].verdict, row.cells[0].reason) == (Verdict.NOT_PROBED, "cancelled")
