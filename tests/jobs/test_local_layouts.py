"""Cutting GPUs from the command line respects the runs of a service that knows them, and works where there is none."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from migperf.errors import MigperfError
from migperf.gpus.controller import ChangeFailedError, GpuBusyError
from migperf.gpus.driver import Device, GpuInstanceHandle
from migperf.gpus.host_cpu import host_identity
from migperf.gpus.inventory import discover, find_gpu, partitions_of
from migperf.gpus.layout import Layout
from migperf.gpus.placement import Placement
from migperf.gpus.simulation.driver import SimulatedDriver
from migperf.gpus.simulation.stores import FileStore
from migperf.jobs.layouts import NodeGpus
from migperf.jobs.local_layouts import LocalLayouts
from migperf.settings import Settings, load_settings
from migperf.store import changes, leases, nodes, schema
from migperf.store.changes import Origin
from migperf.store.database import Database, now
from migperf.store.leases import Berth
from migperf.store.models import LayoutChange, Lease, PartitionRow
from migperf.store.nodes import Registration
from migperf.store.states import ChangeState, RunState
from tests.builders import LEASE_S, submit

NODE = "gpu-node"
THREE = Layout.parse("3g.40gb@4+1g.10gb@0+1g.10gb@1")


class ObservedDriver(SimulatedDriver):
    """A simulated driver that lets a test look on in the middle of a change."""

    meanwhile: Callable[[], None] = staticmethod(lambda: None)

    def create_gpu_instance(
        self, device: Device, profile_id: int, placement: Placement | None = None
    ) -> GpuInstanceHandle:
        self.meanwhile()
        return super().create_gpu_instance(device, profile_id, placement)


@dataclass
class Host:
    """A host with one simulated GPU, and its node in a service."""

    settings: Settings
    driver: ObservedDriver
    database: Database

    @property
    def uuid(self) -> str:
        return self.driver.uuid(self.driver.device_by_index(0))

    @property
    def layouts(self) -> LocalLayouts:
        return LocalLayouts(self.settings, self.driver)

    @property
    def layout(self) -> str:
        return str(find_gpu(self.driver, self.uuid).layout)

    def partitions(self, profile: str) -> list[str]:
        return [p.uuid for p in partitions_of(find_gpu(self.driver, self.uuid)) if p.profile == profile]

    def register(self) -> None:
        """Let the worker of this host start, as far as the database is concerned."""
        inventory = discover(self.driver)
        about = {"name": NODE, "incarnation": "worker-1", "host": "host", "version": "0"}
        with self.database.write() as session:
            nodes.register(session, Registration(**about, inventory=inventory), now(session), stale_s=20)

    def hold(self, partition: str | None, *, exclusive: bool = False, lease_s: float = LEASE_S) -> str:
        """Let a run hold a partition of the GPU, or all of it; return the run's id."""
        berth = Berth(node=NODE, partition=partition, gpu=self.uuid, exclusive=exclusive)
        with self.database.write() as session:
            run = submit(session, now(session))
            lease = leases.grant(session, run, berth, now(session), lease_s)
            leases.claim(session, lease.id, "worker-1", now(session), lease_s)
            return run.id

    def changes(self) -> list[LayoutChange]:
        with self.database.read() as session:
            return list(session.scalars(select(LayoutChange).order_by(LayoutChange.id)))

    def active_leases(self) -> list[Lease]:
        with self.database.read() as session:
            return list(session.scalars(select(Lease).where(Lease.released_at.is_(None))))


def opened(settings: Settings, board: str) -> ObservedDriver:
    return ObservedDriver(FileStore(settings.simulated_host_file, [board], host_identity()))


def settings_with(database_url: str, folder: Path) -> Settings:
    """Settings of a command on the host; renewing often, so that a lost lease is soon noticed."""
    return load_settings(
        data_dir=folder / "data",
        database_url=database_url,
        node_name="another-name-than-the-workers",
        gpus="simulated:h100-80gb",
        lease_renew_s=0.05,
    )


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return settings_with(database_url, tmp_path)


@pytest.fixture
def host(settings: Settings, database: Database) -> Iterator[Host]:
    """A host whose service knows its GPU, cut into three."""
    made = Host(settings, opened(settings, "h100-80gb"), database)
    made.layouts.apply(made.uuid, THREE)
    made.register()
    yield made
    made.driver.close()


def test_a_change_is_a_document_of_the_service_and_holds_the_gpu_while_it_is_made(host: Host) -> None:
    """Nothing can be put on the GPU meanwhile; afterwards the service knows its partitions and it is open again."""
    seen = []

    def try_to_place() -> None:
        seen.extend((lease.gpu, lease.incarnation is not None) for lease in host.active_leases())
        with pytest.raises(IntegrityError, match="lets no other on it"):
            host.hold(host.partitions("3g.40gb")[0])

    host.driver.meanwhile = try_to_place
    made = host.layouts.apply(host.uuid, Layout.parse("3g.40gb+2g.20gb"))
    assert made.changed
    assert seen == [(host.uuid, True)]
    (change,) = host.changes()
    assert (change.origin, change.state, change.before) == (Origin.COMMAND, ChangeState.APPLIED, str(THREE))
    assert change.after == host.layout == str(made.plan.after)
    assert host.active_leases() == []
    with host.database.read() as session:
        offered = session.scalars(select(PartitionRow).where(PartitionRow.retired_at.is_(None))).all()
    assert {row.profile for row in offered} == {"3g.40gb", "2g.20gb", None}
    assert {row.node for row in offered} == {NODE}, "the GPU stays its worker's, whatever this command calls its node"


def test_nothing_that_a_run_holds_is_destroyed_not_even_with_force(host: Host) -> None:
    (held,) = host.partitions("3g.40gb")
    run = host.hold(held)
    for force in (False, True):
        with pytest.raises(GpuBusyError, match=f"run {run} holds {held}.*PUT /v1/gpus/{host.uuid}/layout with force"):
            host.layouts.apply(host.uuid, Layout.parse("4g.40gb"), force=force)
    assert host.layout == str(THREE)
    assert host.changes() == []
    assert [lease.run_id for lease in host.active_leases()] == [run]


def test_a_run_goes_on_beside_a_change_that_leaves_its_partition_alone(host: Host) -> None:
    (held,) = host.partitions("3g.40gb")
    host.hold(held)
    host.layouts.apply(host.uuid, Layout.parse("3g.40gb+2g.20gb"))
    assert host.partitions("3g.40gb") == [held]
    assert len(host.active_leases()) == 1


def test_of_equal_instances_the_one_that_a_run_holds_stays(host: Host) -> None:
    """The plan knows the leases: it destroys the idle one of two 1g.10gb, not any."""
    held = host.partitions("1g.10gb")[1]
    host.hold(held)
    host.layouts.apply(host.uuid, Layout.parse("3g.40gb+1g.10gb"))
    assert host.partitions("1g.10gb") == [held]


def test_a_gpu_that_a_run_holds_whole_or_whose_layout_is_being_changed_is_refused(host: Host) -> None:
    run = host.hold(None, exclusive=True)
    with pytest.raises(GpuBusyError, match=f"run {run} holds {host.uuid}"):
        host.layouts.apply(host.uuid, Layout())
    with host.database.write() as session:
        leases.finish(session, host.active_leases()[0].id, RunState.FAILED, now(session))
        waiting = changes.request(session, host.uuid, Layout(), now(session))
        changes.grant(session, waiting, NODE, now(session), LEASE_S)
    with pytest.raises(GpuBusyError, match="being changed already"):
        host.layouts.apply(host.uuid, Layout())
    assert host.layout == str(THREE)


def test_the_lease_of_a_worker_that_died_does_not_hinder_for_ever(host: Host) -> None:
    """Where the service is down nobody else releases what is overdue."""
    run = host.hold(host.partitions("3g.40gb")[0], lease_s=-1)
    host.layouts.apply(host.uuid, Layout())
    assert host.layout == "empty"
    with host.database.read() as session:
        assert session.get_one(Lease, 1).run_id == run
        assert session.get_one(Lease, 1).outcome == RunState.LOST


def test_a_change_that_fails_is_stored_as_failed_and_leaves_no_lease(host: Host) -> None:
    """With force the driver has the last word on processes; the service learns what came of it."""
    host.driver.add_process(4711, "python", host.partitions("3g.40gb")[0], 1)
    with pytest.raises(ChangeFailedError, match="cut as before"):
        host.layouts.apply(host.uuid, Layout(), force=True)
    (change,) = host.changes()
    assert (change.state, change.force) == (ChangeState.FAILED, True)
    assert "4711" in change.reason
    assert host.active_leases() == []
    assert host.layout == str(THREE)


def test_a_lease_that_is_lost_in_the_middle_ends_the_change(host: Host) -> None:
    """Somebody else may have the GPU by then, so what was done is undone, and nothing is stored under a dead token."""

    def lose() -> None:
        with host.database.write() as session:
            leases.reclaim(session, NODE, "worker-2", now(session))
        time.sleep(10 * host.settings.lease_renew_s)

    host.driver.meanwhile = lose
    with pytest.raises(ChangeFailedError, match="not held any more"):
        host.layouts.apply(host.uuid, Layout.parse("1g.10gb+2x2g.20gb"))
    assert host.layout == str(THREE)
    (change,) = host.changes()
    assert change.state is ChangeState.QUEUED, "the service makes the change itself: it was asked for"


def test_looking_and_having_nothing_to_do_leave_no_trace(host: Host) -> None:
    planned = host.layouts.apply(host.uuid, Layout.parse("4g.40gb"), dry_run=True)
    assert planned.plan.steps
    assert planned.after == planned.before
    assert not host.layouts.apply(host.uuid, Layout.parse("3g.40gb+2x1g.10gb")).changed
    assert not host.layouts.set_mode(host.uuid, enabled=True).changed
    assert host.layout == str(THREE)
    assert host.changes() == []


def test_a_change_that_waits_is_replaced(host: Host) -> None:
    with host.database.write() as session:
        changes.request(session, host.uuid, Layout(), now(session))
    host.layouts.apply(host.uuid, Layout.parse("4g.40gb"))
    assert [change.state for change in host.changes()] == [ChangeState.CANCELLED, ChangeState.APPLIED]


def test_a_mode_is_not_changed_under_a_run(host: Host) -> None:
    """Turning MIG off and a reset end everything on the GPU, so any lease on it stands against them."""
    run = host.hold(host.partitions("1g.10gb")[0])
    for deed in (
        lambda: host.layouts.set_mode(host.uuid, enabled=False, force=True),
        lambda: host.layouts.reset(host.uuid),
    ):
        with pytest.raises(GpuBusyError, match=f"run {run} holds"):
            deed()
    assert host.layout == str(THREE)


def test_a_mode_is_changed_under_a_lease(host: Host) -> None:
    host.layouts.set_mode(host.uuid, enabled=False)
    assert host.layout == "off"
    (change,) = host.changes()
    assert (change.state, change.layout, change.after) == (ChangeState.APPLIED, "off", "off")
    assert host.active_leases() == []
    with host.database.read() as session:
        assert {row.kind for row in nodes.list_partitions(session)} == {"gpu", "cpu"}


def test_a_mode_that_waits_for_a_reset_leaves_the_layout_of_now(settings: Settings, database: Database) -> None:
    """On Ampere the service is told how the GPU is cut, not how it will be."""
    host = Host(settings, opened(settings, "a100-80gb"), database)
    host.register()
    made = host.layouts.set_mode(host.uuid, enabled=True)
    assert (made.after.mig.enabled, made.after.mig.pending) == (False, True)
    assert host.layouts.reset(host.uuid).after.mig.enabled
    assert [(change.layout, change.after) for change in host.changes()] == [("off", "off"), ("empty", "empty")]
    host.driver.close()


def test_where_no_database_was_ever_set_up_the_gpu_is_simply_cut(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path / "data", gpus="simulated:h100-80gb")
    driver = opened(settings, "h100-80gb")
    uuid = driver.uuid(driver.device_by_index(0))
    LocalLayouts(settings, driver).apply(uuid, THREE)
    assert str(find_gpu(driver, uuid).layout) == str(THREE)
    assert not (settings.data_dir / "migperf.db").exists()


def test_a_database_without_a_schema_and_a_gpu_that_it_does_not_know_do_not_hinder(
    empty_database_url: str, tmp_path: Path
) -> None:
    settings = settings_with(empty_database_url, tmp_path)
    empty = Database(empty_database_url)
    host = Host(settings, opened(settings, "h100-80gb"), empty)
    host.layouts.apply(host.uuid, THREE)
    schema.upgrade(empty)
    host.layouts.apply(host.uuid, Layout())
    assert host.layout == "empty"
    assert host.changes() == []
    empty.close()


def test_a_database_of_another_version_is_not_ignored(host: Host) -> None:
    """Its leases cannot be read, so nothing is known of the runs on the GPU."""
    schema.downgrade(host.database, "0001")
    with pytest.raises(schema.SchemaError, match="migperf db upgrade"):
        host.layouts.apply(host.uuid, Layout())
    assert host.layout == str(THREE)


def test_a_database_that_cannot_be_reached_is_not_ignored(host: Host) -> None:
    away = load_settings(
        data_dir=host.settings.data_dir, database_url="postgresql://me:secret@127.0.0.1:9/none", gpus=host.settings.gpus
    )
    with pytest.raises(MigperfError, match=r"127\.0\.0\.1:9.*check MIGPERF_DATABASE_URL") as raised:
        LocalLayouts(away, host.driver).apply(host.uuid, Layout())
    assert "secret" not in str(raised.value)
    assert host.layout == str(THREE)


def test_a_worker_makes_the_changes_that_it_is_given_the_same_way(host: Host) -> None:
    """The worker shares the code: applied or failed, the end and what is there then are stored together."""
    node = NodeGpus(
        settings=host.settings.model_copy(update={"node_name": NODE}),
        database=host.database,
        driver=host.driver,
        incarnation="worker-1",
        stopping=threading.Event(),
    )
    for layout in ("4g.40gb", "4x4g.40gb"):
        with host.database.write() as session:
            change = changes.request(session, host.uuid, Layout.parse(layout), now(session))
            token = changes.grant(session, change, NODE, now(session), LEASE_S).id
        node.execute_change(token)
    applied, failed = host.changes()
    assert (applied.state, applied.before, applied.after) == (ChangeState.APPLIED, str(THREE), "4g.40gb@0")
    assert (failed.state, failed.after) == (ChangeState.FAILED, None)
    assert "at most 1 of 4g.40gb" in failed.reason
    assert host.active_leases() == []
