"""Protects the matrix: what works, what fails, and what nobody knows are never mixed up."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from migperf.analysis.compatibility import (
    UNTRIED,
    Column,
    CompatibilityMatrix,
    ProbeRun,
    Verdict,
    cell,
    compatibility_matrix,
)
from migperf.store.states import RunState

TOLD = {"framework": "jax", "framework_version": "0.10", "framework_device": "cuda:0", "framework_companions": {}}


def probe(state="succeeded", reason=None, framework="jax", task="training", partition="1g.10gb", **told) -> ProbeRun:
    return ProbeRun(
        framework=framework, task=task, partition=partition, state=state, reason=reason, environment=TOLD | told
    )


def absent(obstacle: str) -> ProbeRun:
    return probe("does_not_compile", "not to be had", framework_obstacle=obstacle, framework_version=None)


def test_rows_are_frameworks_and_tasks_and_columns_are_partitions_in_the_order_of_the_runs() -> None:
    matrix = compatibility_matrix(
        [
            probe(partition="cpu"),
            probe("failed", "SIGSEGV", partition="2g.20gb"),
            probe(partition="2g.20gb", task="inference"),
            probe(framework="tensorflow", partition="cpu"),
        ]
    )
    assert matrix.columns == (Column("cpu"), Column("2g.20gb"))
    assert [(row.framework, row.task) for row in matrix.rows] == [
        ("jax", "training"),
        ("jax", "inference"),
        ("tensorflow", "training"),
    ]
    assert [[cell.verdict.value for cell in row.cells] for row in matrix.rows] == [
        ["works", "fails"],
        ["not_probed", "works"],
        ["works", "not_probed"],
    ]
    assert matrix.rows[1].cells[0] is UNTRIED
    assert compatibility_matrix([]) == CompatibilityMatrix(columns=(), rows=())


def test_an_order_that_is_asked_for_comes_first_and_changes_no_verdict() -> None:
    old, new = probe("failed", "SIGSEGV", partition="2g.20gb", framework_version="0.9"), probe(partition="2g.20gb")
    other = probe(partition="1g.10gb", task="inference")
    never = probe(partition="7g.80gb", framework="tensorflow")
    matrix = compatibility_matrix([old, new, other], order=[never.probed, other.probed, new.probed])
    assert [column.partition for column in matrix.columns] == ["7g.80gb", "1g.10gb", "2g.20gb"]
    assert [(row.framework, row.task) for row in matrix.rows] == [
        ("tensorflow", "training"),
        ("jax", "inference"),
        ("jax", "training"),
    ]
    assert matrix.rows[2].cells[2] == cell([old, new])
    assert matrix.rows[0].cells == (UNTRIED,) * 3


def test_what_was_seen_on_a_simulated_partition_is_not_said_of_a_real_one() -> None:
    matrix = compatibility_matrix([probe("failed", "SIGSEGV"), replace(probe(), simulated=True)])
    assert matrix.columns == (Column("1g.10gb"), Column("1g.10gb", simulated=True))
    assert [one.verdict for one in matrix.rows[0].cells] == [Verdict.FAILS, Verdict.WORKS]


def test_a_cell_has_version_device_and_reason() -> None:
    works, fails = cell([probe()]), cell([probe("timed_out", "not finished after 60 s", framework_device=None)])
    assert (works.reason, works.version, works.device, works.probes) == (None, "0.10", "cuda:0", 1)
    assert (fails.verdict, fails.reason, fails.version) == (Verdict.FAILS, "not finished after 60 s", "0.10")
    assert cell([probe("does_not_fit", "out of memory")]).verdict is Verdict.FAILS
    assert cell([probe("does_not_compile", "no kernel")]).verdict is Verdict.FAILS


def test_what_is_not_there_neither_works_nor_fails() -> None:
    assert cell([absent("not_installed")]).verdict is Verdict.NOT_INSTALLED
    assert cell([absent("not_offered")]).verdict is Verdict.NOT_OFFERED
    unreached = cell([absent("not_reached")])
    assert (unreached.verdict, unreached.reason, unreached.probes) == (Verdict.NOT_PROBED, "not to be had", 0)


def test_runs_that_did_not_come_about_say_nothing() -> None:
    for state in ("queued", "placed", "running", "cancelled", "lost"):
        assert cell([probe(state)]).verdict is Verdict.NOT_PROBED
        assert cell([probe(), probe(state)]) == cell([probe()])
    assert cell([probe("failed", "void: the partition was used by pid 7")]).verdict is Verdict.NOT_PROBED
    silent = ProbeRun(framework="jax", task="t", partition="p", state="failed", reason="no disk", environment={})
    assert (cell([silent]).verdict, cell([silent]).reason) == (Verdict.NOT_PROBED, "no disk")


def test_one_failure_is_enough_and_is_counted() -> None:
    mixed = cell([probe(), probe("failed", "SIGSEGV"), probe()])
    assert (mixed.verdict, mixed.reason, mixed.probes) == (Verdict.FAILS, "1 of 3 probes failed: SIGSEGV", 3)


def test_the_newest_version_counts_and_what_came_before_it_does_not() -> None:
    mended = cell([absent("not_installed"), probe("failed", "SIGSEGV", framework_version="0.9"), probe()])
    assert (mended.verdict, mended.version, mended.probes) == (Verdict.WORKS, "0.10", 1)
    assert cell([probe(), absent("not_installed")]).verdict is Verdict.NOT_INSTALLED


@given(st.lists(st.tuples(st.sampled_from(RunState), st.sampled_from(["0.9", "0.10"])), max_size=6))
def test_works_is_said_only_if_all_conclusive_probes_of_a_version_succeeded(ended) -> None:
    found = cell([probe(state.value, framework_version=version) for state, version in ended])
    conclusive = {
        RunState.SUCCEEDED,
        RunState.FAILED,
        RunState.TIMED_OUT,
        RunState.DOES_NOT_FIT,
        RunState.DOES_NOT_COMPILE,
    }
    told = [(state, version) for state, version in ended if state in conclusive]
    of_newest = [state for state, version in told if version == told[-1][1]]
    assert found.probes == len(of_newest)
    assert (found.verdict is Verdict.WORKS) == (bool(of_newest) and set(of_newest) == {RunState.SUCCEEDED})
    assert (found.verdict is Verdict.NOT_PROBED) == (not of_newest)
    assert (found.reason is None) == (found.verdict is Verdict.WORKS)
