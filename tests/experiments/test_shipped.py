"""Every experiment that is shipped can be read and planned, and its layouts can be made on each kind of board."""

from collections import Counter
from pathlib import Path

import pytest
from filelock import FileLock

from migperf.experiments.checking import check
from migperf.experiments.document import Experiment, parse
from migperf.experiments.group import Role
from migperf.experiments.plan import make_plan
from migperf.experiments.target import Target
from migperf.gpus.controller import Controller
from migperf.gpus.inventory import discover, partitions_of
from migperf.gpus.layout import Layout
from migperf.gpus.simulation.boards import BOARDS
from migperf.gpus.simulation.driver import open_in_memory
from tests.builders import partition
from tests.experiments.boards import board, turn_on
from workloads.frameworks.parameters import Framework, Protocol

FOLDER = Path(__file__).parents[2] / "experiments" / "migperf"
GPU_FILES, CPU_FILES = (sorted((FOLDER / kind).glob("*.yaml")) for kind in ("gpu", "cpu"))
TESTED = ("a30-24gb", "a100-40gb", "a100-80gb", "h100-80gb", "h200-141gb")
TWO_CORES = Target(cpu=partition("CPU-1", cpus=(0, 1)))


def read(path: Path) -> Experiment:
    return parse(path.read_text())


def name(path: Path) -> str:
    return f"{path.parent.name}-{path.stem}"


@pytest.mark.parametrize("path", GPU_FILES + CPU_FILES, ids=name)
def test_a_file_is_named_as_its_experiment_and_every_cell_of_it_could_be_run(path: Path) -> None:
    experiment = read(path)
    assert experiment.name == name(path)
    assert experiment.title
    assert experiment.description
    assert check(experiment)


@pytest.mark.parametrize("path", GPU_FILES, ids=name)
def test_every_layout_of_a_gpu_experiment_is_made_on_each_board_and_has_a_place_for_each_run(
    path: Path, tmp_path: Path
) -> None:
    experiment = read(path)
    for key in TESTED:
        driver = open_in_memory([key])
        turn_on(driver)
        (gpu,) = discover(driver, offer_cpu=False).gpus
        plan = make_plan(experiment, Target(gpu=gpu))
        assert plan.order, f"{key} performs nothing of it"
        controller = Controller(driver=driver, lock=FileLock(tmp_path / "lock"))
        offered = {
            layout: [p.profile for p in partitions_of(controller.apply(gpu.uuid, Layout.parse(layout)).after)]
            for layout in plan.layouts
        }
        for spec in (cell.spec for cell in plan.cells if cell.spec is not None):
            assert spec.layout is not None
            wanted = [member.benchmark.where.profile for member in spec.members]
            for profile in set(wanted):
                places = 1 if spec.is_divided else wanted.count(profile)
                assert offered[spec.layout].count(profile) >= places, (key, spec.layout, profile)


@pytest.mark.parametrize("key", [key for key in BOARDS if key not in TESTED])
def test_sharing_modes_can_be_planned_on_every_other_board(key: str) -> None:
    plan = make_plan(read(FOLDER / "gpu" / "sharing-modes.yaml"), board(key))
    modes = {cell.spec.sharing.mode for cell in plan.cells if cell.spec is not None and cell.spec.sharing is not None}
    assert {"whole", "time_slicing", "mps", "green_context"} <= modes
    assert ("mig" in modes) == BOARDS[key].has_mig


@pytest.mark.parametrize("path", CPU_FILES, ids=name)
def test_a_cpu_experiment_performs_all_that_two_cores_can_within_minutes(path: Path) -> None:
    experiment = read(path)
    plan = make_plan(experiment, TWO_CORES)
    assert {cell.skipped for cell in plan.cells} <= {None, "whole is for one run, not for 2; share by another mode"}
    assert plan.duration.expected_s < 6 * 60


@pytest.mark.parametrize("key", BOARDS)
def test_a_victim_on_a_gpu_meets_every_kind_of_aggressor_in_every_mode_that_the_board_has(key: str) -> None:
    target = board(key)
    plan = make_plan(read(FOLDER / "gpu" / "neighbours.yaml"), target)
    loads: dict[object, list[object]] = {}
    for cell in (cell for cell in plan.cells if cell.spec is not None):
        assert cell.spec is not None
        neighbours = [m.benchmark for m in cell.spec.members if m.role is Role.NEIGHBOUR]
        said = [(n.workload, n.parameters.get("direction")) for n in neighbours]
        loads.setdefault(cell.cell.coordinates["sharing"], []).append(said)
    assert {"mps", "time_slicing"} <= set(loads)
    assert all(
        found == [[], [("matrix-product", None)], [("memory-copy", "device")], [("memory-copy", "both")]]
        for found in loads.values()
    ), loads


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_every_framework_is_probed_in_both_tasks_on_every_place_and_no_failure_is_tried_away(kind: str) -> None:
    experiment = read(FOLDER / kind / "framework-compatibility.yaml")
    asked = [cell.settings.benchmark for cell in check(experiment)]
    probed = Counter((one["parameters"]["framework"], one["scenario"]) for one in asked)
    assert set(probed) == {(framework, scenario) for framework in Framework for scenario in ("train", "offline")}
    assert len(set(probed.values())) == 1
    assert experiment.retry_failed == 0


def test_every_protocol_is_asked_at_an_address_of_its_own() -> None:
    asked = [
        cell.settings.benchmark["parameters"] for cell in check(read(FOLDER / "cpu" / "serving-compatibility.yaml"))
    ]
    assert [one["protocol"] for one in asked] == list(Protocol)
    assert len({one["url"] for one in asked}) == len(asked)


def test_the_gpu_experiments_leave_a_cpu_alone_and_the_other_way_round() -> None:
    gpu, cpu = (parse((FOLDER / kind / "neighbours.yaml").read_text()) for kind in ("gpu", "cpu"))
    assert not make_plan(gpu, TWO_CORES).order
    assert not make_plan(cpu, board("h100-80gb")).order


def test_a_victim_has_the_same_share_whether_it_is_alone_or_not() -> None:
    for target in (TWO_CORES, board("a30-24gb")):
        kind = "cpu" if target.gpu is None else "gpu"
        cells = make_plan(parse((FOLDER / kind / "neighbours.yaml").read_text()), target).cells
        by_mode: dict[object, set[object]] = {}
        for cell in cells:
            assert cell.spec is not None
            victim = cell.spec.members[0].benchmark
            shares = cell.spec.share_count if cell.spec.is_divided else None
            by_mode.setdefault(cell.cell.coordinates["sharing"], set()).add(
                (victim.where.profile, victim.layout, shares)
            )
        assert all(len(places) == 1 for places in by_mode.values()), by_mode
