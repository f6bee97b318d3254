"""Where runs go: layouts that a board can have, with an instance for each run, and nothing that it cannot."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise, permutations
from typing import Any

import pytest

from migperf.experiments.document import validate
from migperf.experiments.errors import ExperimentError
from migperf.experiments.group import GroupSpec
from migperf.experiments.plan import make_plan
from migperf.experiments.target import Target
from tests.experiments.boards import CPU, board

BASE: dict[str, Any] = {
    "migperf": 1,
    "name": "test",
    "benchmark": {"workload": "test-step", "scenario": "single_stream", "method": {"min_s": 1, "precision": None}},
    "repeats": 1,
}
NOISE = {"benchmark": {"workload": "test-step", "scenario": "offline"}}


def outcome(target: Target, **more: Any) -> GroupSpec | str | None:
    (cell,) = make_plan(validate({**BASE, **more}), target).cells
    return cell.spec or cell.skipped


def spec(target: Target, **more: Any) -> GroupSpec:
    found = outcome(target, **more)
    assert isinstance(found, GroupSpec), found
    return found


def profiles(target: Target, **more: Any) -> list[str | None]:
    return [member.benchmark.where.profile for member in spec(target, **more).members]


def reason(target: Target, **more: Any) -> str:
    found = outcome(target, **more)
    assert isinstance(found, str), found
    return found


def test_compute_instances_of_one_profile_share_their_gpu_instance_while_they_fit() -> None:
    h100 = board("h100-80gb")
    assert spec(h100, clients=3, sharing="mig", partition="2c").layout == "7g.80gb(3x2c)"
    assert spec(h100, clients=2, sharing="mig", partition="1c.3g.40gb").layout == "3g.40gb(2x1c)"
    assert spec(h100, clients=4, sharing="mig", partition="1c.3g.40gb").layout == "3g.40gb(1c)+3g.40gb(3x1c)"
    assert "7g.80gb" in reason(h100, clients=4, sharing="mig", partition="2c"), "it would take two of them"


@pytest.mark.parametrize("asked", ["5c", "6c", "8c", "2c.1g.10gb"])
def test_compute_instances_that_no_instance_can_be_cut_into_are_not_planned(asked: str) -> None:
    assert "has no compute instance" in reason(board("h100-80gb"), partition=asked)


@pytest.mark.parametrize(("clients", "layout"), [(1, "2g.32gb"), (2, "2x1g.16gb")])
def test_instances_with_extras_are_never_the_plain_ones_in_whatever_order_a_driver_lists_them(
    clients: int, layout: str
) -> None:
    gpu = board("rtx-pro-4500-32gb").gpu
    assert gpu is not None
    assert gpu.geometry is not None
    reversed_ = replace(gpu.geometry, profiles=gpu.geometry.profiles[::-1])
    assert (
        spec(Target(gpu=gpu.model_copy(update={"geometry": reversed_})), clients=clients, sharing="mig").layout
        == layout
    )
    assert spec(Target(gpu=gpu.model_copy(update={"geometry": reversed_})), partition=f"{3 - clients}g").layout == (
        layout.removeprefix("2x")
    )


def test_a_layout_of_ones_own_wins_and_must_have_an_instance_for_each_run() -> None:
    a100 = board("a100-80gb")
    wide = {"layout": "3g.40gb+2x2g.20gb", "sharing": "mig"}
    assert profiles(a100, **wide, clients=2) == ["2g.20gb", "2g.20gb"]
    assert profiles(a100, **wide, clients=1) == ["3g.40gb"]
    assert profiles(a100, **wide, partition="2g", neighbours=[{**NOISE, "partition": "3g"}]) == ["2g.20gb", "3g.40gb"]
    assert "lacks 1 x 3g.40gb" in reason(a100, **wide, clients=2, partition="3g")
    assert "no 3 equal instances" in reason(a100, **wide, clients=3)
    assert profiles(a100, layout="7x1g.10gb", partition="1g") == ["1g.10gb"]
    assert profiles(a100, layout="3g.40gb+1g.10gb", sharing="mps", clients=2) == ["3g.40gb", "3g.40gb"]


@pytest.mark.parametrize(
    ("layout", "told"),
    [
        ("7g.80gb+1g.6gb", "no profile 7g.80gb"),
        ("2x4g.24gb", "at most 1 of 4g.24gb"),
        ("4g.24gb(3c)", "cannot be cut into compute instances 3c"),
    ],
)
def test_a_layout_that_the_board_cannot_have_is_a_reason_to_skip(layout: str, told: str) -> None:
    assert told in reason(board("a30-24gb"), layout=layout)


def test_all_of_a_gpu_with_mig_off_is_a_layout_where_its_mode_can_change_during_an_experiment() -> None:
    off = spec(board("h100-80gb", mig=True), layout=False)
    assert (off.layout, off.members[0].benchmark.where.kind) == ("off", "gpu")
    assert "takes a reset" in reason(board("a100-80gb", mig=True), layout=False)
    assert spec(board("a100-80gb"), layout=False).layout == "off", "it is off already"
    assert spec(board("l40s-48gb"), layout=False).layout is None, "it has no mode"
    assert "leave partition out" in reason(board("h100-80gb"), layout=False, partition="1g")


def test_instances_for_all_shares_are_there_also_for_a_run_that_is_alone() -> None:
    alone = spec(board("a30-24gb"), sharing="mig", shares=4)
    assert (alone.layout, len(alone.members), alone.is_together) == ("4x1g.6gb", 1, False)


def test_a_neighbour_waits_for_no_precision_of_its_own_but_may_have_its_own_method() -> None:
    method = spec(CPU, sharing="pinned", neighbours=[NOISE]).members[1].benchmark.method
    assert (method.min_s, method.min_steps, method.precision, method.steady_within) == (0, 1, None, None)
    own = {"benchmark": NOISE["benchmark"] | {"method": {"min_s": 2}}}
    method = spec(CPU, sharing="pinned", neighbours=[own]).members[1].benchmark.method
    assert (method.min_s, method.precision) == (2, None)


def test_whole_is_all_of_a_device_whatever_shares_the_other_modes_have() -> None:
    for target in (CPU, board("h100-80gb")):
        assert spec(target, sharing="whole", shares=2).share_count == 1


def test_a_trace_cannot_be_multiplied_for_the_clients_of_one_process() -> None:
    traced = BASE["benchmark"] | {"scenario": "server", "load": {"arrivals": "trace", "trace_s": [0.1, 0.2]}}
    assert "load.rate_per_s" in reason(board("h100-80gb"), clients=2, sharing="green_context", benchmark=traced)


@pytest.mark.parametrize(
    ("target", "where", "told"),
    [
        (board("h100-80gb"), {"kind": "cpu"}, "kind=cpu"),
        (CPU, {"kind": "gpu"}, "kind=gpu"),
        (board("l40s-48gb"), {"kind": "mig"}, "cannot be cut"),
        (board("a30-24gb"), {"gpu_model": "*A100*"}, "this is NVIDIA A30"),
        (board("a30-24gb"), {"partition": "GPU-1"}, "where names one partition"),
    ],
)
def test_a_device_that_the_experiment_is_not_meant_for_is_not_used(
    target: Target, where: dict[str, str], told: str
) -> None:
    assert told in reason(target, where=where)


def test_runs_select_the_model_that_they_were_worked_out_for() -> None:
    (member,) = spec(board("a100-80gb"), partition="1g", where={"node": "n1", "simulated": True}).members
    chosen = member.benchmark.where
    assert (chosen.node, chosen.simulated, chosen.gpu_model) == ("n1", True, "NVIDIA A100-SXM4-80GB")
    (here,) = spec(CPU, where={"partition": "CPU-1"}).members
    assert here.benchmark.where.partition == "CPU-1"


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"partition": "3g", "benchmark": {"workload": "nonsense", "scenario": "offline"}}, "benchmark.workload"),
        ({"sharing": "mps", "neighbours": [{"benchmark": {"workload": "x"}}]}, "neighbours.0.benchmark.scenario"),
        ({"clients": 9, "sharing": "mps", "neighbours": [NOISE | {"count": 9}]}, "clients"),
        (
            {"clients": 2, "sharing": "mps", "benchmark": BASE["benchmark"] | {"profile": True}},
            "benchmark.profile",
        ),
    ],
)
def test_a_cell_that_nothing_could_run_is_an_error_even_where_it_would_be_skipped(
    more: dict[str, Any], place: str
) -> None:
    with pytest.raises(ExperimentError) as raised:
        make_plan(validate({**BASE, **more}), board("a30-24gb"))
    assert raised.value.problems[0][0] == f"cell the only cell: {place}"


@pytest.mark.parametrize(
    ("where", "place"), [({"profile": "1g.10gb"}, "where.profile"), ({"kind": "mps"}, "where.kind")]
)
def test_where_says_which_device_and_not_which_part(where: dict[str, str], place: str) -> None:
    with pytest.raises(ExperimentError) as raised:
        make_plan(validate({**BASE, "where": where}), board("a100-80gb"))
    assert raised.value.problems[0][0] == place


def test_skipped_cells_do_not_unbalance_the_order() -> None:
    asked = {"matrix": {"partition": ["3g", "1g", "2g", "7g", "4g", "1c"]}, "repeats": 4, "order": "alternated"}
    plan = make_plan(validate({**BASE, **asked}), board("a30-24gb"))
    blocks = [[cell for cell, at in plan.order if at == repeat] for repeat in range(4)]
    assert all(sorted(block) == [1, 2, 4, 5] for block in blocks)
    follows = Counter(pair for block in blocks for pair in pairwise(block))
    assert follows == Counter(permutations([1, 2, 4, 5], 2)), "each follows each other one once"
