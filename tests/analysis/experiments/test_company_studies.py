"""Slowdowns beside neighbours, ways of sharing, and pieces beside the whole: against which cell, and how known."""

from pathlib import Path
from typing import Any

import pytest

from migperf.analysis.experiments.axes import axes_of
from migperf.analysis.experiments.cells import cell_results
from migperf.analysis.experiments.observations import Of
from migperf.analysis.experiments.results import experiment_results
from migperf.analysis.experiments.scaling import Scaling, scaling
from migperf.analysis.experiments.slowdown import Study, StudyKind, studies
from migperf.experiments.group import GroupSpec
from migperf.gpus.partition import PartitionKind
from migperf.statistics.spreads import Basis
from migperf.store.database import Database
from migperf.store.experiments import NewCell
from migperf.store.states import RunState
from tests import builders
from tests.analysis.experiments.made_experiments import Ending, Told, bench, cell, figure, made, throughput, together
from tests.api.gpu_host import GpuHost

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
DRIFT = (1.0, 1.1, 0.9)
SLOWED = {"none": 100.0, "compute": 80.0, "memory": 50.0}


def study(database: Database, experiment_id: str) -> Study:
    with database.read() as session:
        results = experiment_results(session, experiment_id)
    (found,) = studies(cell_results(results), axes_of([one.coordinates for one in results.cells]))
    return found


def neighbours() -> list[NewCell]:
    return [
        cell(together(1, int(beside != "none"), "pinned"), beside=beside, batch_size=batch)
        for beside in SLOWED
        for batch in (1, 2)
    ]


def victim(run: Any, group: Any, coordinates: Any) -> Ending:
    """All cells of a block drift alike; batches of two are twice as fast."""
    rate = SLOWED[coordinates["beside"]] * DRIFT[group.repeat] * coordinates["batch_size"]
    return Ending([throughput(rate, None), figure("latency_p99", 1000 / rate, rel=None)])


def test_each_neighbour_is_compared_with_the_cell_without_one_block_by_block(database: Database) -> None:
    found = study(database, made(database, neighbours(), victim, repeats=3))
    assert (found.kind, found.axis.name) == (StudyKind.NEIGHBOURS, "beside")
    told = {
        (one.cell.coordinates["beside"], one.cell.coordinates["batch_size"], one.figure): one.ratio
        for one in found.contrasts
    }
    assert set(told) == {
        (beside, batch, name)
        for beside in ("compute", "memory")
        for batch in (1, 2)
        for name in ("throughput", "latency_p99")
    }
    memory = told[("memory", 2, "throughput")]
    assert memory is not None
    assert (memory.value, memory.basis) == (pytest.approx(0.5), Basis.PAIRS)
    assert memory.interval.high - memory.interval.low < 1e-6
    assert told[("memory", 1, "latency_p99")].value == pytest.approx(2)  # type: ignore[union-attr]


def test_where_the_reference_has_no_result_the_contrast_says_so(database: Database) -> None:
    def told(run: Any, group: Any, coordinates: Any) -> Ending:
        if coordinates["beside"] == "none":
            return Ending(state=RunState.FAILED, reason="out of luck")
        return victim(run, group, coordinates)

    found = study(database, made(database, neighbours(), told))
    assert all(one.ratio is None for one in found.contrasts)
    assert "the reference has no throughput: repeat 1: failed: out of luck" in str(found.contrasts[0].absent)


def test_ways_of_sharing_are_compared_with_the_whole_in_total_and_for_each_client(database: Database) -> None:
    cells = [
        cell(together(2, sharing="unrestricted"), mode="unrestricted"),
        cell(together(1, sharing="whole"), mode="whole"),
    ]

    def told(run: Any, group: Any, coordinates: Any) -> Ending:
        return Ending([throughput(100 if coordinates["mode"] == "whole" else 40)])

    found = study(database, made(database, cells, told))
    assert found.kind is StudyKind.SHARING
    values = {one.of: one.ratio.value for one in found.contrasts if one.ratio is not None}
    assert values == {Of.TOTAL: pytest.approx(0.8), Of.MEAN: pytest.approx(0.4)}


def test_a_line_whose_reference_was_skipped_is_compared_with_the_first_that_was_measured(database: Database) -> None:
    cells = [
        cell(clients=2, mode="whole", skipped="whole is for one run"),
        cell(together(2, sharing="pinned"), clients=2, mode="pinned"),
        cell(together(2, sharing="time_slicing"), clients=2, mode="time_slicing"),
    ]

    def told(run: Any, group: Any, coordinates: Any) -> Ending:
        return Ending([throughput(50 if coordinates["mode"] == "pinned" else 40)])

    found = study(database, made(database, cells, told))
    assert "the first of mode that could be measured" in found.reference
    assert {(one.reference.coordinates["mode"], one.cell.coordinates["mode"]) for one in found.contrasts} == {
        ("pinned", "time_slicing")
    }
    assert {one.of: one.ratio.value for one in found.contrasts if one.ratio} == {
        Of.TOTAL: pytest.approx(0.8),
        Of.MEAN: pytest.approx(0.8),
    }


def test_an_experiment_in_whose_cells_company_is_the_same_has_no_study(database: Database) -> None:
    made_id = made(database, [cell(n=1), cell(n=2)], lambda *_: Ending([throughput(1)]))
    with database.read() as session:
        results = experiment_results(session, made_id)
    assert studies(cell_results(results), axes_of([one.coordinates for one in results.cells])) == ()


def read_scaling(database: Database, cells: list[NewCell], told: Told, repeats: int = 1) -> tuple[Scaling, ...]:
    made_id = made(database, cells, told, repeats=repeats)
    with database.read() as session:
        return scaling(cell_results(experiment_results(session, made_id)))


def slices(profile: str, count: int) -> GroupSpec:
    benchmark = bench(where={"kind": "mig", "profile": profile, "simulated": True}, layout=f"{count}x{profile}")
    return GroupSpec.model_validate({"members": [{"benchmark": benchmark}] * count})


def on_slices(database: Database, folder: Path) -> Told:
    gpu = GpuHost.registered(database, folder, "h100-80gb").gpu()

    def told(run: Any, group: Any, coordinates: Any) -> Ending:
        profile = coordinates["partition"]
        place = builders.partition(
            f"MIG-{run.id}", PartitionKind.MIG, profile=profile, gpu_uuid=gpu.uuid, model=gpu.model, simulated=True
        )
        return Ending([throughput(6.0 if profile.startswith("1g") else 56.0)], partition=place)

    return told


def test_seven_slices_together_are_held_against_one_whole(database: Database, tmp_path: Path) -> None:
    cells = [cell(slices("1g.10gb", 7), partition="1g.10gb"), cell(slices("7g.80gb", 1), partition="7g.80gb")]
    (found,) = read_scaling(database, cells, on_slices(database, tmp_path))
    assert (found.pieces, found.together, found.whole_name) == (7, True, "7g.80gb")
    assert found.way == "7 × 1g.10gb, measured together"
    assert found.ratio is not None
    assert found.ratio.value == pytest.approx(42 / 56)


def test_one_slice_alone_stands_for_as_many_as_fit_and_says_so(database: Database, tmp_path: Path) -> None:
    cells = [cell(slices("1g.10gb", 1), partition="1g.10gb"), cell(slices("7g.80gb", 1), partition="7g.80gb")]
    (found,) = read_scaling(database, cells, on_slices(database, tmp_path))
    assert (found.pieces, found.together) == (7, False)
    assert found.way == "7 × one 1g.10gb measured alone"
    assert found.ratio is not None
    assert found.ratio.value == pytest.approx(42 / 56)


def test_pieces_are_not_held_against_other_work(database: Database, tmp_path: Path) -> None:
    other = slices("7g.80gb", 1).model_dump(mode="json")
    other["members"][0]["benchmark"]["parameters"]["samples"] = 3
    cells = [
        cell(slices("1g.10gb", 1), partition="1g.10gb"),
        cell(GroupSpec.model_validate(other), partition="7g.80gb"),
    ]
    assert read_scaling(database, cells, on_slices(database, tmp_path)) == ()
