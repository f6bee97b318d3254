"""GPUs and layouts through the client, against the real API: what the one says, the other understands."""

import threading
import time
from pathlib import Path

import pytest

from migperf.client import (
    ApiConflictError,
    ApiNotFoundError,
    Client,
    LayoutTimeoutError,
    MigperfClientError,
    RequestRefusedError,
)
from migperf.gpus.placement import Placement
from migperf.store.database import Database
from migperf.store.states import ChangeState
from tests.api.gpu_host import PROBLEM, GpuHost
from tests.client.scripted_server import document, hang_up, scripted

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def host(database: Database, tmp_path: Path) -> GpuHost:
    """A node with an H100, which can be cut at once, and an L40S, which cannot be cut at all."""
    return GpuHost.registered(database, tmp_path, "h100-80gb", "l40s-48gb")


def test_gpus_are_told_with_their_instances_and_who_holds_them(client: Client, host: GpuHost) -> None:
    real = host.cut("3g.40gb@4+1g.10gb@0(1c)")
    run = host.run_on(host.partition("3g.40gb"))
    seen = {gpu.uuid: gpu for gpu in client.gpus()}[real.uuid]
    assert (seen.state, seen.layout, seen.memory_units) == ("leased", "3g.40gb@4+1g.10gb@0", 8)
    assert seen.mig is not None
    assert seen.mig.enabled
    large = seen.instances[1]
    assert (large.profile, large.placement) == ("3g.40gb", Placement(4, 4))
    assert [(c.partition, c.run) for c in large.compute_instances] == [(host.partition("3g.40gb"), run)]
    detail = client.gpu(real.uuid)
    assert detail.model_dump(exclude={"profiles"}) == seen.model_dump()
    assert {p.name: p.starts for p in detail.profiles}["3g.40gb"] == (0, 4)


def test_what_is_not_known_of_a_gpu_is_none(client: Client, host: GpuHost) -> None:
    host.fail()
    seen = client.gpu(host.gpu().uuid)
    assert (seen.state, seen.problem, seen.layout, seen.mig) == ("unhealthy", PROBLEM, None, None)
    with pytest.raises(ApiNotFoundError):
        client.gpu("GPU-none")


def test_legal_layouts_can_be_asked_for_in_every_way(client: Client, host: GpuHost) -> None:
    uuid = host.cut("3g.40gb@0").uuid
    full, every = client.layouts(uuid), client.layouts(uuid, full=False)
    assert {one.layout for one in full} == {one.layout for one in every if one.full}
    assert len(full) < len(every)
    assert {one.layout for one in client.layouts(uuid, contains=["3g.40gb", "3g.40gb"])} == {"2x3g.40gb"}
    beside = client.layouts(uuid, beside="current")
    assert beside == client.layouts(uuid, beside="3g.40gb@0")
    assert all("3g.40gb@0" in one.example for one in beside)
    with pytest.raises(RequestRefusedError, match="no profile 1g"):
        client.layouts(uuid, contains=["1g.5gb"])
    with pytest.raises(ApiConflictError, match="L40S"):
        client.layouts(host.gpu(1).uuid)


def test_a_plan_names_its_steps_and_changes_nothing(client: Client, host: GpuHost) -> None:
    uuid = host.cut("3g.40gb@4+1g.10gb@0").uuid
    run = host.run_on(host.partition("1g.10gb"))
    plan = client.plan_layout(uuid, "4g.40gb+3g.40gb")
    assert (plan.before, plan.after) == ("3g.40gb@4+1g.10gb@0", "4g.40gb@0+3g.40gb@4")
    assert [one.run for one in plan.destroys] == [run] == list(plan.runs)
    assert plan.steps[0].partition == host.partition("1g.10gb")
    assert client.layout(uuid).changes == ()


def test_a_layout_is_set_waited_for_and_then_there(client: Client, host: GpuHost) -> None:
    uuid = host.gpu().uuid
    change = client.set_layout(uuid, "2x3g.40gb", keep=True)
    assert change is not None
    assert client.layout_change(change.id) == client.layout(uuid).change == change
    later = threading.Timer(0.3, host.carry_out, args=(change.id,))
    later.start()
    made = client.wait_for_layout(change.id, timeout_s=20)
    later.join()
    assert (made.state, client.layout(uuid).layout) == (ChangeState.APPLIED, "3g.40gb@0+3g.40gb@4")
    assert client.layout(uuid).kept_layout == "2x3g.40gb"
    client.forget_kept_layout(uuid)
    assert client.layout(uuid).kept_layout is None
    assert client.set_layout(uuid, "2x3g.40gb") is None


def test_runs_in_the_way_are_named_waited_for_or_put_back(client: Client, host: GpuHost) -> None:
    uuid = host.cut("2x3g.40gb").uuid
    run = host.run_on(host.partition("3g.40gb"))
    with pytest.raises(ApiConflictError, match=run):
        client.set_layout(uuid, "7g.80gb")
    waits = client.set_layout(uuid, "7g.80gb", wait=True)
    assert waits is not None
    forced = client.set_layout(uuid, "7g.80gb", force=True)
    assert forced is not None
    assert (waits.force, forced.force) == (False, True)


def test_a_wait_that_takes_too_long_ends_and_the_change_goes_on(client: Client, host: GpuHost) -> None:
    change = client.set_layout(host.gpu().uuid, "7g.80gb")
    assert change is not None
    begun = time.monotonic()
    with pytest.raises(LayoutTimeoutError, match=change.id) as caught:
        client.wait_for_layout(change.id, timeout_s=0.3)
    assert 0.3 <= time.monotonic() - begun < 10
    assert isinstance(caught.value, MigperfClientError)
    assert client.layout_change(change.id).state is ChangeState.QUEUED


def test_a_change_is_cancelled_unless_it_has_begun(client: Client, host: GpuHost) -> None:
    uuid = host.gpu().uuid
    first = client.set_layout(uuid, "7g.80gb")
    assert first is not None
    assert client.cancel_layout_change(first.id).state is ChangeState.CANCELLED
    assert client.wait_for_layout(first.id).state is ChangeState.CANCELLED
    second = client.set_layout(uuid, "7g.80gb")
    assert second is not None
    host.begin(second.id)
    with pytest.raises(ApiConflictError):
        client.cancel_layout_change(second.id)


def test_a_layout_that_cannot_be_had_names_the_field(client: Client, host: GpuHost) -> None:
    for ask in (client.plan_layout, client.set_layout):
        with pytest.raises(RequestRefusedError, match="at most 2") as caught:
            ask(host.gpu().uuid, "3x3g.40gb")
        assert [error.field for error in caught.value.errors] == ["layout"]


def test_a_runs_layout_and_place_are_understood(client: Client, host: GpuHost) -> None:
    host.cut("3g.40gb@4")
    request = {"workload": "test-step", "scenario": "train", "where": "simulated=true", "layout": "7g.80gb"}
    benchmark = client.submit({**request, "restore_layout": True}).benchmark
    assert (benchmark.layout, benchmark.restore_layout) == ("7g.80gb", True)
    partition = client.run(host.run_on(host.partition("3g.40gb"))).partition
    assert partition is not None
    assert (partition.placement, partition.architecture) == (Placement(4, 4), "hopper")
    shown = next(p for p in client.partitions() if p.uuid == partition.uuid)
    assert (shown.placement, shown.driver_version) == (partition.placement, host.gpu().driver_version)


def test_asking_for_a_layout_again_after_a_broken_connection_is_safe() -> None:
    """The service makes one change of it, so the client may."""
    state = {"gpu": "GPU-1", "layout": "off", "changes": []}
    with scripted(hang_up, document(state)) as script, Client(script.url) as client:
        assert client.set_layout("GPU-1", "off") is None
    assert [(asked.method, asked.path) for asked in script.asked] == [("PUT", "/v1/gpus/GPU-1/layout")] * 2


def test_a_layout_can_be_checked_for_a_board_or_a_gpu(client: Client, host: GpuHost) -> None:
    found = client.check_layout("4g.40gb+2g.20gb", board="h100-80gb")
    assert (found.legal, found.layout, found.slices_left) == (True, "4g.40gb@0+2g.20gb@4", 1)
    assert {move.instance for move in found.moves if move.objection is None} == {
        "1g.10gb@6",
        "1g.10gb+me@6",
        "1g.20gb@6",
    }
    broken = client.check_layout("4g.40gb@0+2g.20gb@2", gpu=host.gpu().uuid)
    assert broken.objection is not None
    assert (broken.objection.beside, broken.objection.memory_units) == ("4g.40gb@0", Placement(2, 2))
    with pytest.raises(RequestRefusedError, match="either board or gpu"):
        client.check_layout("7g.80gb")
