"""GPUs in the database: what a node says of them, changes of their layout, and leases that keep each other apart."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from migperf.errors import ConflictError
from migperf.gpus.inventory import discover, partitions_of
from migperf.gpus.layout import Layout
from migperf.gpus.simulation.driver import SimulatedDriver
from migperf.store import changes, gpus, leases, nodes, runs
from migperf.store.changes import ATTEMPTS, ChangeLeaseLostError, Origin
from migperf.store.database import Database
from migperf.store.leases import Berth
from migperf.store.models import GpuRow, LayoutChange, Run
from migperf.store.states import ChangeState, RunState
from tests.builders import LEASE_S, inventory, submit
from tests.gpus.host import Host

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=LEASE_S + 1)
Refused = (IntegrityError, DBAPIError)


@pytest.fixture
def driver(tmp_path: object) -> SimulatedDriver:
    """A host with an H100 that is cut in two."""
    host = Host("h100-80gb", tmp_path)
    host.apply("3g.40gb@4+2g.20gb@0")
    return host.driver


@pytest.fixture
def uuid(driver: SimulatedDriver) -> str:
    return driver.uuid(driver.device_by_index(0))


@pytest.fixture
def halves(driver: SimulatedDriver, database: Database) -> tuple[str, ...]:
    """UUIDs of the two partitions of a registered GPU."""
    found = discover(driver)
    with database.write() as session:
        registration = nodes.Registration(name="node-1", incarnation="a", host="host", version="0", inventory=found)
        nodes.register(session, registration, NOW, stale_s=20)
    return tuple(partition.uuid for partition in partitions_of(found.gpus[0]))


def share(session: Session, uuid: str, partition: str) -> leases.Lease:
    run = submit(session, NOW)
    return leases.grant(session, run, Berth(node="node-1", partition=partition, gpu=uuid), NOW, LEASE_S)


def whole(session: Session, uuid: str) -> leases.Lease:
    run = submit(session, NOW)
    berth = Berth(node="node-1", partition=None, gpu=uuid, exclusive=True)
    return leases.grant(session, run, berth, NOW, LEASE_S)


def change(session: Session, uuid: str, layout: str = "7g.80gb") -> leases.Lease:
    wanted = changes.request(session, uuid, Layout.parse(layout), NOW)
    return changes.grant(session, wanted, "node-1", NOW, LEASE_S)


def test_partitions_of_one_gpu_are_leased_side_by_side(database: Database, uuid: str, halves: tuple[str, ...]) -> None:
    with database.write() as session:
        assert {share(session, uuid, half).partition for half in halves} == set(halves)
        assert change(session, uuid).gpu == uuid, "a change may go on beside runs that it leaves alone"


def test_a_gpu_held_whole_is_held_alone(database: Database, uuid: str, halves: tuple[str, ...]) -> None:
    with database.write() as session:
        whole(session, uuid)
    for intruder in (lambda s: share(s, uuid, halves[0]), lambda s: whole(s, uuid), lambda s: change(s, uuid)):
        with pytest.raises(Refused, match="lets no other on it"), database.write() as session:
            intruder(session)


def test_nothing_is_put_on_a_gpu_whose_layout_is_being_changed(
    database: Database, uuid: str, halves: tuple[str, ...]
) -> None:
    with database.write() as session:
        token = change(session, uuid).id
    for intruder in (lambda s: share(s, uuid, halves[0]), lambda s: whole(s, uuid), lambda s: change(s, uuid)):
        with pytest.raises(Refused, match="lets no other on it"), database.write() as session:
            intruder(session)
    with database.write() as session:
        changes.claim(session, token, "a", NOW, LEASE_S)
        changes.finish(session, token, ChangeState.APPLIED, NOW)
        share(session, uuid, halves[0])


def test_a_gpu_with_a_run_on_it_is_not_given_whole(database: Database, uuid: str, halves: tuple[str, ...]) -> None:
    with database.write() as session:
        share(session, uuid, halves[0])
    with pytest.raises(Refused, match="lets no other on it"), database.write() as session:
        whole(session, uuid)


def test_of_many_that_want_a_gpu_at_once_one_gets_it(database: Database, uuid: str, halves: tuple[str, ...]) -> None:
    """Transactions that do not see each other's leases: what each checked before does not help, the trigger does."""
    got: list[str] = []

    def want(session: Session, number: int) -> str:
        return (
            "whole" if number % 2 and whole(session, uuid) else share(session, uuid, halves[number // 2 % 2]).partition
        )

    def try_it(number: int) -> None:
        try:
            with database.write() as session:
                kind = want(session, number)
        except Refused:
            return
        got.append(kind)

    threads = [threading.Thread(target=try_it, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == ["whole"] or ("whole" not in got and len(set(got)) == len(got) > 0)


def test_a_run_with_a_layout_occupies_its_partition_when_the_gpu_is_cut(
    database: Database, uuid: str, halves: tuple[str, ...]
) -> None:
    with database.write() as session:
        lease = whole(session, uuid)
        leases.claim(session, lease.id, "a", NOW, LEASE_S)
        held = leases.occupy(session, lease.id, halves[0])
    assert (held.run.partition, held.run.state) == (halves[0], RunState.RUNNING)
    with database.read() as session:
        assert nodes.leased_runs(session) == {halves[0]: held.run.id}, "its own cutting is not in its way"
        assert nodes.runs_in_the_way(session) == {halves[0]: held.run.id, uuid: held.run.id}


def test_a_gpu_keeps_its_place_in_history_when_its_node_loses_it(
    database: Database, driver: SimulatedDriver, uuid: str, halves: tuple[str, ...]
) -> None:
    with database.write() as session:
        nodes.store_inventory(session, "node-1", inventory(read_at=datetime.now(UTC)), LATER)
    with database.read() as session:
        assert gpus.list_gpus(session) == []
        assert gpus.get(session, uuid).retired_at == LATER
        assert nodes.get_partition(session, halves[0]).retired_at == LATER
    with database.write() as session:
        nodes.store_inventory(session, "node-1", discover(driver), LATER)
        assert gpus.get(session, uuid).retired_at is None, "it came back"


def test_an_older_reading_never_replaces_a_newer_one(
    database: Database, driver: SimulatedDriver, uuid: str, halves: tuple[str, ...]
) -> None:
    """A heartbeat that was read before a change of layout may be written after it."""
    stale = discover(driver)
    driver.reboot()
    fresh = discover(driver)
    with database.write() as session:
        nodes.store_inventory(session, "node-1", fresh, NOW)
        nodes.store_inventory(session, "node-1", stale, LATER)
        assert gpus.describe(gpus.get(session, uuid)).layout == Layout(mig=False)
        there = {row.uuid for row in nodes.list_partitions(session)}
        assert there == {partition.uuid for partition in fresh.partitions}


def test_a_gpu_that_cannot_be_read_any_more_is_told_with_its_problem_and_not_retired(
    database: Database, driver: SimulatedDriver, uuid: str, halves: tuple[str, ...]
) -> None:
    layout_before = discover(driver).gpus[0].layout
    driver.lose(driver.device_by_index(0))
    with database.write() as session:
        nodes.store_inventory(session, "node-1", discover(driver), NOW)
        row = gpus.get(session, uuid)
        assert row.retired_at is None
        assert "fallen off the bus" in gpus.describe(row).problem
        assert {row.kind for row in nodes.list_partitions(session)} == {"cpu"}, "but there is nothing to run on"
        assert layout_before.mig
    driver.reboot()
    with database.write() as session:
        nodes.store_inventory(session, "node-1", discover(driver), NOW)
        assert gpus.describe(gpus.get(session, uuid)).problem is None, "a reboot brought it back"


def test_a_layout_that_is_to_be_kept_is_asked_for_after_a_boot_and_only_then(
    database: Database, driver: SimulatedDriver, uuid: str, halves: tuple[str, ...]
) -> None:
    with database.write() as session:
        gpus.keep_layout(session, uuid, Layout.parse("3g.40gb@4+2g.20gb@0"))
        nodes.store_inventory(session, "node-1", discover(driver), NOW)
        assert changes.waiting(session) == []
    driver.reboot()
    for _ in range(2):
        with database.write() as session:
            nodes.store_inventory(session, "node-1", discover(driver), NOW)
            (asked,) = changes.waiting(session)
    assert (asked.origin, asked.layout, asked.gpu) == (Origin.BOOT, "3g.40gb@4+2g.20gb@0", uuid)


def test_without_that_wish_a_boot_asks_for_nothing(
    database: Database, driver: SimulatedDriver, uuid: str, halves: tuple[str, ...]
) -> None:
    with database.write() as session:
        gpus.remember_layout(session, uuid)
    driver.reboot()
    with database.write() as session:
        nodes.store_inventory(session, "node-1", discover(driver), NOW)
        assert changes.waiting(session) == []
        assert gpus.get(session, uuid).restore_layout is None, (
            "what was to be put back was forgotten by the boot as well"
        )


def test_what_is_to_be_put_back_is_what_was_there_first(database: Database, uuid: str, halves: tuple[str, ...]) -> None:
    with database.write() as session:
        gpus.remember_layout(session, uuid)
        row = session.get(GpuRow, uuid)
        row.description = {**row.description, "instances": []}
        gpus.remember_layout(session, uuid)
        assert gpus.get(session, uuid).restore_layout == "3g.40gb@4+2g.20gb@0"


def test_a_newer_wish_replaces_one_that_waits(database: Database, uuid: str, halves: tuple[str, ...]) -> None:
    with database.write() as session:
        first = changes.request(session, uuid, Layout(), NOW)
        second = changes.request(session, uuid, Layout(mig=False), LATER)
        session.refresh(first)
        assert (first.state, first.reason) == (ChangeState.CANCELLED, "replaced by a newer change")
        assert [c.id for c in changes.waiting(session)] == [second.id]
        assert [c.id for c in changes.latest(session, uuid, 2)] == [second.id, first.id]


def test_a_change_is_begun_once_and_its_old_tokens_are_dead(
    database: Database, uuid: str, halves: tuple[str, ...]
) -> None:
    with database.write() as session:
        token = change(session, uuid).id
        assert changes.claim(session, token, "a", NOW, LEASE_S) is not None
        assert changes.claim(session, token, "a", NOW, LEASE_S) is None
        (lost,) = leases.expire(session, LATER)
        assert (lost.holder.split()[0], lost.state) == ("layout", "queued")
        for use in (
            lambda: changes.renew(session, token, LATER, LEASE_S),
            lambda: changes.finish(session, token, ChangeState.APPLIED, LATER),
            lambda: changes.claim(session, token, "b", LATER, LEASE_S),
        ):
            with pytest.raises(ChangeLeaseLostError):
                use()


def test_a_change_whose_worker_keeps_dying_is_given_up(database: Database, uuid: str, halves: tuple[str, ...]) -> None:
    with database.write() as session:
        wanted = changes.request(session, uuid, Layout(), NOW)
        for attempt in range(1, ATTEMPTS + 1):
            token = changes.grant(session, wanted, "node-1", NOW, LEASE_S).id
            changes.claim(session, token, f"worker-{attempt}", NOW, LEASE_S)
            leases.reclaim(session, "node-1", "the next worker", NOW)
        assert wanted.state is ChangeState.FAILED
        assert wanted.reason == f"the worker of node node-1 died; given up after {ATTEMPTS} attempts"


def test_a_change_that_waits_can_be_cancelled_and_one_that_runs_cannot(
    database: Database, uuid: str, halves: tuple[str, ...]
) -> None:
    with database.write() as session:
        waits = changes.request(session, uuid, Layout(), NOW)
        assert changes.cancel(session, waits.id, NOW).state is ChangeState.CANCELLED
        runs_now = session.get_one(LayoutChange, change(session, uuid).change_id)
        with pytest.raises(ConflictError, match="placed"):
            changes.cancel(session, runs_now.id, NOW)


def test_the_wish_to_put_a_layout_back_ends_with_the_change_that_did_it_or_overruled_it(
    database: Database, uuid: str, halves: tuple[str, ...]
) -> None:
    for origin, state, left in (
        (Origin.RESTORE, ChangeState.APPLIED, False),
        (Origin.RESTORE, ChangeState.FAILED, False),
        (Origin.REQUEST, ChangeState.APPLIED, False),
        (Origin.REQUEST, ChangeState.FAILED, True),
    ):
        with database.write() as session:
            gpus.remember_layout(session, uuid)
            wanted = changes.request(session, uuid, Layout(), NOW, origin=origin)
            token = changes.grant(session, wanted, "node-1", NOW, LEASE_S).id
            changes.finish(session, token, state, NOW)
            assert (gpus.lock(session, uuid).restore_layout is not None) == left, (origin, state)


def test_a_run_asked_to_give_its_partition_back_hears_of_it_at_its_next_beat(
    database: Database, uuid: str, halves: tuple[str, ...]
) -> None:
    with database.write() as session:
        lease = share(session, uuid, halves[0])
        token = lease.id
        other = share(session, uuid, halves[1]).id
        for one in (token, other):
            leases.claim(session, one, "a", NOW, LEASE_S)
        leases.ask_back(session, [lease.run_id], NOW)
        leases.ask_back(session, [lease.run_id], LATER)
        assert leases.beat(session, token, "measuring", 0.5, NOW, LEASE_S).give_back
        assert not leases.beat(session, other, "measuring", 0.5, NOW, LEASE_S).give_back


def test_a_beat_renews_the_lease_and_writes_progress_of_the_present_phase_only(
    database: Database, uuid: str, halves: tuple[str, ...]
) -> None:
    with database.write() as session:
        token = share(session, uuid, halves[0]).id
        run = leases.claim(session, token, "a", NOW, LEASE_S).run
        runs.note_phase(session, run, "measuring", NOW)
        version = run.version
    with database.write() as session:
        leases.beat(session, token, "measuring", 0.5, LATER, LEASE_S)
        leases.beat(session, token, "warming_up", 0.9, LATER, LEASE_S)
        leases.beat(session, token, "measuring", 0.5, LATER, LEASE_S)
    with database.write() as session:
        run = session.get_one(Run, run.id)
        assert (run.progress, run.version) == (0.5, version + 1), "watchers hear of it once"
        assert leases.expire(session, LATER) == []
        leases.expire(session, LATER + timedelta(seconds=LEASE_S + 1))
        with pytest.raises(leases.LeaseLostError):
            leases.beat(session, token, "measuring", 0.7, LATER, LEASE_S)
