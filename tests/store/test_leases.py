"""Leases on both databases: losing, retrying, cancelling, and two connections that want the same thing at once."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from migperf.jobs.offering import read_offer
from migperf.metrics.metric import Metric, Scope
from migperf.metrics.series import Chunk, SeriesUpdate
from migperf.store import leases, nodes, runs, series
from migperf.store.database import Database
from migperf.store.leases import LeaseLostError, Lost
from migperf.store.models import SeriesRow
from migperf.store.nodes import NodeNameTakenError, Registration
from migperf.store.states import RunState
from tests.builders import LEASE_S, inventory, partition, place, register, submit

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=LEASE_S + 1)


def free(session: Session, at: datetime = NOW) -> list[str]:
    """Return the partitions that a placement pass could give."""
    return [place.partition.uuid for place in read_offer(session, at, 20).free]


@pytest.fixture
def claimed(database: Database) -> tuple[str, int]:
    """A run that a worker has begun, and its token."""
    with database.write() as session:
        register(session, NOW)
        run = submit(session, NOW, retry_limit=1)
        token = place(session, run, NOW).id
        leases.claim(session, token, "a", NOW, LEASE_S)
    return run.id, token


def test_a_partition_cannot_be_granted_twice(database: Database) -> None:
    with database.write() as session:
        register(session, NOW)
        place(session, submit(session, NOW), NOW)
    with pytest.raises(IntegrityError), database.write() as session:
        place(session, submit(session, NOW), NOW)


def test_a_second_wake_up_finds_the_lease_claimed(database: Database, claimed: tuple[str, int]) -> None:
    with database.write() as session:
        assert leases.claim(session, claimed[1], "a", NOW, LEASE_S) is None


def test_of_many_workers_woken_at_once_one_begins(database: Database) -> None:
    with database.write() as session:
        register(session, NOW)
        token = place(session, submit(session, NOW), NOW).id
    began = []

    def wake() -> None:
        with database.write() as session:
            if leases.claim(session, token, "a", NOW, LEASE_S) is not None:
                began.append(1)

    threads = [threading.Thread(target=wake) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert began == [1]


def test_an_expired_lease_queues_the_run_again_and_kills_its_token(
    database: Database, claimed: tuple[str, int]
) -> None:
    run_id, token = claimed
    with database.write() as session:
        metric = Metric(name="latency", unit="ms", scope=Scope.PROCESS, source="timer")
        series.append(session, run_id, [SeriesUpdate(metric, Chunk.of([1, 2], [3.0, 4.0]))], 0)
    with database.write() as session:
        (lost,) = leases.expire(session, LATER)
        run = runs.get(session, run_id)
    assert (lost.holder, lost.state) == (f"run {run_id}", "queued")
    assert (run.state, run.losses, run.attempt) == (RunState.QUEUED, 1, 1)
    assert "not renewed" in run.reason
    with database.write() as session:
        assert session.scalars(select(SeriesRow)).all() == [], "what the lost attempt stored is gone"
        with pytest.raises(LeaseLostError):
            leases.renew(session, token, LATER, LEASE_S)
        with pytest.raises(LeaseLostError):
            leases.finish(session, token, RunState.SUCCEEDED, LATER)


def test_a_new_worker_and_the_scheduler_take_a_dead_workers_run_back_once(
    database: Database, claimed: tuple[str, int]
) -> None:
    """The worker looks for what its predecessor held while the scheduler has found the lease overdue already."""
    run_id, _ = claimed
    taken: list[list[Lost]] = []

    def reclaim() -> None:
        with database.write() as session:
            taken.append(leases.reclaim(session, "node-1", "a later one", NOW + timedelta(hours=1)))

    worker = threading.Thread(target=reclaim)
    with database.write() as session:
        (lost,) = leases.expire(session, NOW + timedelta(hours=1))
        session.flush()
        worker.start()
        worker.join(0.5)
    worker.join(20)
    assert lost.holder.endswith(run_id)
    assert taken == [[]], "and the worker goes on"


def test_a_run_lost_more_often_than_its_retry_limit_is_lost(database: Database, claimed: tuple[str, int]) -> None:
    with database.write() as session:
        leases.expire(session, LATER)
        token = place(session, runs.lock(session, claimed[0]), LATER).id
        leases.claim(session, token, "b", LATER, LEASE_S)
        leases.reclaim(session, "node-1", "c", LATER)
        run = runs.get(session, claimed[0])
    assert (run.state, run.attempt) == (RunState.LOST, 2)
    assert "retry_limit = 1 is used up" in run.reason


def test_a_renewed_lease_does_not_expire(database: Database, claimed: tuple[str, int]) -> None:
    with database.write() as session:
        leases.renew(session, claimed[1], NOW + timedelta(seconds=10), LEASE_S)
        assert leases.expire(session, LATER) == []


def test_a_lease_nobody_began_costs_no_retry(database: Database) -> None:
    with database.write() as session:
        register(session, NOW)
        run = submit(session, NOW, retry_limit=0)
        place(session, run, NOW)
        leases.expire(session, LATER)
    assert (run.state, run.losses, run.attempt) == (RunState.QUEUED, 0, 0)


def test_a_run_that_shall_be_cancelled_is_not_queued_again(database: Database, claimed: tuple[str, int]) -> None:
    with database.write() as session:
        runs.request_cancel(session, claimed[0], NOW)
        (lost,) = leases.expire(session, LATER)
    assert lost.state == RunState.CANCELLED


def test_cancelling_a_placed_run_frees_its_partition_and_its_wake_up_finds_nothing(database: Database) -> None:
    with database.write() as session:
        register(session, NOW)
        run = submit(session, NOW)
        token = place(session, run, NOW).id
        assert runs.request_cancel(session, run.id, NOW).state is RunState.CANCELLED
        assert len(free(session)) == 1
        with pytest.raises(LeaseLostError):
            leases.claim(session, token, "a", NOW, LEASE_S)


def test_a_wake_up_is_sent_again_only_while_nobody_has_begun(database: Database) -> None:
    with database.write() as session:
        register(session, NOW)
        token = place(session, submit(session, NOW), NOW).id
        assert [lease.id for lease in leases.to_wake(session, NOW, 2)] == [token]
        assert leases.to_wake(session, NOW + timedelta(seconds=1), 2) == []
        later = NOW + timedelta(seconds=3)
        assert [lease.id for lease in leases.to_wake(session, later, 2)] == [token]
        leases.claim(session, token, "a", later, LEASE_S)
        assert leases.to_wake(session, later + timedelta(seconds=3), 2) == []


def test_partitions_of_silent_stopped_or_changed_nodes_are_not_free(database: Database) -> None:
    with database.write() as session:
        register(session, NOW, partition("A"), partition("B"))
        assert free(session) == ["A", "B"]
        assert free(session, NOW + timedelta(seconds=21)) == []
        assert nodes.heartbeat(session, "node-1", "node-1-a", inventory(partition("B")), NOW)
        assert free(session) == ["B"]
        assert nodes.get_partition(session, "A").retired_at == NOW, "retired, not deleted"
        nodes.sign_off(session, "node-1", "node-1-a", NOW)
        assert free(session) == []


def test_a_node_name_alive_on_another_host_is_refused(database: Database) -> None:
    other = Registration(
        name="node-1", incarnation="x", host="elsewhere", version="0", inventory=inventory(partition())
    )
    with database.write() as session:
        register(session, NOW)
        with pytest.raises(NodeNameTakenError, match="MIGPERF_NODE_NAME"):
            nodes.register(session, other, NOW, 20)
        nodes.register(session, other, NOW + timedelta(seconds=21), 20)
        assert not nodes.heartbeat(session, "node-1", "node-1-a", inventory(), NOW), (
            "the first incarnation learns of it"
        )
