"""From cells to groups of runs on a device: equal shares, legal layouts, and what is lacking is said, not invented."""

from typing import Any

import pytest

from migperf.experiments.document import validate
from migperf.experiments.errors import ExperimentError
from migperf.experiments.group import GroupSpec, Role
from migperf.experiments.plan import Plan, make_plan
from migperf.experiments.target import Target
from tests.experiments.boards import CPU, board

BASE: dict[str, Any] = {
    "migperf": 1,
    "name": "test",
    "where": {"simulated": True},
    "benchmark": {"workload": "test-step", "scenario": "single_stream", "method": {"min_s": 1, "precision": None}},
    "repeats": 1,
}


def planned(target: Target, **more: Any) -> Plan:
    return make_plan(validate({**BASE, **more}), target)


def only(target: Target, **more: Any) -> GroupSpec:
    (cell,) = planned(target, **more).cells
    assert cell.spec is not None, cell.skipped
    return cell.spec


def skipped(target: Target, **more: Any) -> str:
    (cell,) = planned(target, **more).cells
    assert cell.skipped is not None
    return cell.skipped


@pytest.mark.parametrize(
    ("key", "asked", "profile", "layout"),
    [
        ("a30-24gb", "1g", "1g.6gb", "1g.6gb"),
        ("a100-80gb", "1g", "1g.10gb", "1g.10gb"),
        ("a100-80gb", "1g.20gb", "1g.20gb", "1g.20gb"),
        ("h200-141gb", "3g", "3g.71gb", "3g.71gb"),
        ("a100-80gb", "whole", "7g.80gb", "7g.80gb"),
        ("a100-80gb", "2c", "2c.7g.80gb", "7g.80gb(2c)"),
        ("a100-80gb", "7c", "7g.80gb", "7g.80gb"),
        ("a100-80gb", "1c.3g.40gb", "1c.3g.40gb", "3g.40gb(1c)"),
    ],
)
def test_a_partition_is_named_by_slices_or_in_full(key: str, asked: str, profile: str, layout: str) -> None:
    (member,) = only(board(key), partition=asked).members
    assert (member.benchmark.where.profile, member.benchmark.layout) == (profile, layout)
    assert member.benchmark.where.simulated


@pytest.mark.parametrize(
    ("key", "clients", "layout"),
    [
        ("a30-24gb", 1, "4g.24gb"),
        ("a30-24gb", 2, "2x2g.12gb"),
        ("a30-24gb", 4, "4x1g.6gb"),
        ("a100-80gb", 3, "3x2g.20gb"),
        ("a100-80gb", 7, "7x1g.10gb"),
        ("h200-141gb", 2, "2x3g.71gb"),
    ],
)
def test_mig_gives_each_client_the_largest_equal_instance(key: str, clients: int, layout: str) -> None:
    spec = only(board(key), clients=clients, sharing="mig")
    assert spec.layout == layout
    assert len(spec.members) == clients
    assert not spec.is_divided


@pytest.mark.parametrize("mode", ["time_slicing", "mps"])
def test_other_modes_share_the_largest_instance_so_that_all_have_the_same_multiprocessors(mode: str) -> None:
    spec = only(board("a100-80gb"), clients=4, sharing=mode)
    assert (spec.layout, spec.share_count, spec.is_divided) == ("7g.80gb", 4, True)
    uncut = only(board("l40s-48gb"), clients=4, sharing=mode)
    assert (uncut.layout, {m.benchmark.where.kind for m in uncut.members}) == (None, {"gpu"})


def test_clients_of_a_green_context_are_the_streams_of_one_run_at_their_common_rate() -> None:
    (member,) = only(board("h100-80gb"), clients=4, sharing="green_context").members
    assert (member.benchmark.scenario, member.benchmark.load.streams) == ("multi_stream", 4)
    served = BASE["benchmark"] | {"scenario": "server", "load": {"rate_per_s": 25}}
    (member,) = only(board("h100-80gb"), clients=4, sharing="green_context", benchmark=served).members
    assert (member.benchmark.load.streams, member.benchmark.load.rate_per_s) == (4, 100)
    assert "offline" in skipped(
        board("h100-80gb"), clients=4, sharing="green_context", benchmark=BASE["benchmark"] | {"scenario": "offline"}
    )


@pytest.mark.parametrize(
    ("target", "more", "told"),
    [
        (board("a30-24gb"), {"partition": "3g"}, "NVIDIA A30 has no 3g; it has 1g.6gb"),
        (board("a30-24gb"), {"clients": 5, "sharing": "mig"}, "no 5 equal instances"),
        (board("l40s-48gb"), {"partition": "1g"}, "cannot be cut"),
        (board("a100-80gb"), {"clients": 2, "sharing": "whole"}, "whole is for one run"),
        (board("a100-80gb"), {"clients": 2, "sharing": "pinned"}, "cannot be shared by pinned"),
        (board("a100-80gb"), {"partition": "3g", "layout": "7x1g.10gb"}, "lacks 1 x 3g.40gb"),
        (CPU, {"clients": 5, "sharing": "pinned"}, "5 runs cannot have cores of their own"),
        (CPU, {"clients": 2, "sharing": "mps"}, "cannot be shared by mps"),
        (CPU, {"partition": "1g"}, "a CPU cannot be cut"),
    ],
)
def test_what_the_device_lacks_is_skipped_with_the_reason(target: Target, more: dict[str, Any], told: str) -> None:
    assert told in skipped(target, **more)


def test_neighbours_get_shares_or_instances_beside_the_clients() -> None:
    beside = [{"benchmark": BASE["benchmark"] | {"scenario": "offline"}, "count": 2, "partition": "1g"}]
    cut = only(board("a100-80gb"), partition="3g", sharing="mig", neighbours=beside)
    assert cut.layout == "3g.40gb+2x1g.10gb"
    assert [m.role for m in cut.members] == [Role.CLIENT, Role.NEIGHBOUR, Role.NEIGHBOUR]
    assert [m.benchmark.where.profile for m in cut.members] == ["3g.40gb", "1g.10gb", "1g.10gb"]
    shared = only(CPU, sharing="pinned", neighbours=beside[:1], shares=4)
    assert (len(shared.members), shared.share_count) == (3, 4)


def test_a_cell_without_neighbours_can_have_the_same_share_as_one_with() -> None:
    alone = only(CPU, sharing="pinned", shares=2)
    assert (len(alone.members), alone.share_count, alone.is_together) == (1, 2, True)


def test_clients_differ_in_their_seed_and_cells_do_not() -> None:
    plan = planned(CPU, clients=2, matrix={"sharing": ["pinned", "unrestricted"]}, seed=7)
    assert [[m.benchmark.seed for m in cell.spec.members] for cell in plan.cells] == [[7, 8], [7, 8]]


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"benchmark": {"workload": "nonsense", "scenario": "offline"}}, "cell the only cell: benchmark.workload"),
        ({"matrix": {"benchmark.parameters.step_ms": [-1]}}, "cell step_ms = -1: benchmark.parameters.step_ms"),
        ({"benchmark": BASE["benchmark"] | {"seed": 1}}, "cell the only cell: benchmark.seed"),
        ({"clients": 2}, "cell the only cell: sharing"),
        ({"shares": 2}, "cell the only cell: shares"),
    ],
)
def test_what_no_device_could_run_is_an_error_of_the_file(more: dict[str, Any], place: str) -> None:
    with pytest.raises(ExperimentError) as raised:
        planned(CPU, **more)
    assert raised.value.problems[0][0] == place


def test_a_plan_counts_runs_and_changes_of_layout_and_adds_up_times() -> None:
    plan = planned(board("a100-80gb"), matrix={"partition": ["1g", "8g", "2g"]}, repeats=2, order="alternated")
    assert (plan.runs, len(plan.order), set(plan.layouts)) == (4, 4, {"1g.10gb", "2g.20gb"})
    assert plan.recuts == 3, "1g 2g 2g 1g or the other way round"
    assert plan.duration.longest_s > plan.duration.expected_s > 0
    known = make_plan(validate({**BASE, "repeats": 2}), CPU, lambda _: 100.0)
    assert (known.duration.expected_s, known.duration.seen) == (200.0, True)


def test_software_environments_can_be_an_axis_and_the_workers_own_one_of_its_values() -> None:
    plan = planned(CPU, where={}, matrix={"benchmark.environment": ["default", "torch-2.12"]})
    specs = [cell.spec for cell in plan.cells]
    assert [spec.members[0].benchmark.environment for spec in specs if spec] == [None, "torch-2.12"]
