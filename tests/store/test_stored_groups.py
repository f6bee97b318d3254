"""Groups on both databases: what becomes of runs whose companions have ended or will not come, and of intruders."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from migperf.experiments.group import GroupSpec
from migperf.gpus.shares import divide
from migperf.gpus.sharing import Sharing
from migperf.store import experiments, groups, leases, nodes, runs
from migperf.store.database import Database
from migperf.store.experiments import NewCell, NewExperiment
from migperf.store.leases import Berth
from migperf.store.models import Run
from migperf.store.queue import queued_groups
from migperf.store.states import GroupState, RunState
from tests.builders import LEASE_S, partition, register, submit

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CPU = partition("CPU-1", cpus=(0, 1, 2, 3))
GANG = "gang"
STEP = {"benchmark": {"workload": "test-step", "scenario": "single_stream"}}


def two_runs(session: Session, retry_failed: int = 1) -> str:
    """Submit an experiment that is one group of two runs; return its id."""
    spec = GroupSpec.model_validate({"members": [STEP, STEP], "sharing": "pinned"})
    cells = (NewCell(coordinates={}, spec=spec),)
    new = NewExperiment(name="test", document={}, plan={}, cells=cells, order=((0, 0),), retry_failed=retry_failed)
    return experiments.submit(session, new, NOW).id


def shares() -> Sequence[Berth]:
    parts = divide(CPU, Sharing(mode="pinned"), 2)
    return [Berth(node="node-1", partition=p.uuid, exclusive=True, device=CPU.uuid, gang=GANG) for p in parts]


def begun(session: Session) -> tuple[str, list[Run], list[int]]:
    """Return an experiment whose two runs are running, with them and their tokens."""
    register(session, NOW, CPU)
    experiment_id = two_runs(session)
    for part in divide(CPU, Sharing(mode="pinned"), 2):
        nodes.store_share(session, "node-1", part, NOW)
    of_group = list(experiments.runs_of(session, experiment_id))
    tokens = [leases.grant(session, run, berth, NOW, LEASE_S).id for run, berth in zip(of_group, shares(), strict=True)]
    for token in tokens:
        leases.claim(session, token, "a", NOW, LEASE_S)
    return experiment_id, of_group, tokens


def states(session: Session, experiment_id: str) -> list[GroupState]:
    return [group.state for group in experiments.groups_of(session, experiment_id)]


@pytest.mark.parametrize("lost_first", [True, False])
def test_a_run_that_is_lost_when_its_companion_has_succeeded_does_not_wait_forever(
    database: Database, lost_first: bool
) -> None:
    """Its companion has a result and is not measured again: the repeat is, as a whole."""
    with database.write() as session:
        experiment_id, (done, lost), (token_of_done, token_of_lost) = begun(session)
        if lost_first:
            leases.hand_back(session, token_of_lost, NOW, "the worker was stopped")
        leases.finish(session, token_of_done, RunState.SUCCEEDED, NOW)
        if not lost_first:
            leases.hand_back(session, token_of_lost, NOW, "the worker was stopped")
        experiments.settle(session, NOW)
        assert (lost.state, lost.reason) == (
            RunState.CANCELLED,
            f"its group broke up: run {done.id} ended as succeeded",
        )
        assert states(session, experiment_id) == [GroupState.LOST, GroupState.OPEN]


def test_a_group_is_placed_again_only_when_all_of_it_wait(database: Database) -> None:
    with database.write() as session:
        _, (first, _), tokens = begun(session)
        leases.hand_back(session, tokens[0], NOW, "the worker was stopped")
        assert queued_groups(session, [first.group_id])[first.group_id] is None, "the other still holds its place"
        leases.hand_back(session, tokens[1], NOW, "the worker was stopped")
        assert len(queued_groups(session, [first.group_id])[first.group_id].runs) == 2


def test_a_run_that_a_user_cancelled_beside_one_that_succeeded_is_not_tried_again(database: Database) -> None:
    with database.write() as session:
        experiment_id, (_, other), tokens = begun(session)
        runs.request_cancel(session, other.id, NOW)
        leases.finish(session, tokens[0], RunState.SUCCEEDED, NOW)
        leases.finish(session, tokens[1], RunState.CANCELLED, NOW, "cancelled on request")
        experiments.settle(session, NOW)
        assert states(session, experiment_id) == [GroupState.CANCELLED]


def test_those_who_wait_for_a_run_that_failed_learn_which_and_why_and_fail_with_it(database: Database) -> None:
    with database.write() as session:
        _, (failed, _), tokens = begun(session)
        assert groups.others_missing(session, GANG, 2) is None
        reason = "its device could not be shared: no daemon\n\nEnd of its log:\nnothing"
        leases.finish(session, tokens[0], RunState.FAILED, NOW, reason)
        missing = groups.others_missing(session, GANG, 2)
    assert missing.reason == f"run {failed.id} ended as failed: its device could not be shared: no daemon"
    assert not missing.again


def test_those_who_wait_for_a_run_that_lost_its_place_are_queued_as_it_is(database: Database) -> None:
    with database.write() as session:
        _, (lost, _), tokens = begun(session)
        leases.hand_back(session, tokens[0], NOW, "the worker was stopped")
        missing = groups.others_missing(session, GANG, 2)
    assert (missing.reason, missing.again) == (f"run {lost.id} lost its place: the worker was stopped", True)


def test_those_who_wait_for_a_cancelled_run_go_back_to_be_cancelled_with_it(database: Database) -> None:
    with database.write() as session:
        experiment_id, (cancelled, other), tokens = begun(session)
        leases.finish(session, tokens[0], RunState.CANCELLED, NOW, "cancelled on request")
        missing = groups.others_missing(session, GANG, 2)
        told = f"run {cancelled.id} ended as cancelled: cancelled on request"
        assert (missing.reason, missing.again) == (told, True)
        leases.hand_back(session, tokens[1], NOW, missing.reason)
        experiments.settle(session, NOW)
        assert (other.state, other.reason) == (RunState.CANCELLED, f"its group broke up: {told}")
        assert states(session, experiment_id) == [GroupState.CANCELLED]


@pytest.mark.parametrize(
    "berth",
    [
        Berth(node="node-1", partition="CPU-1"),
        Berth(node="node-1", partition="CPU-1", exclusive=True),
        Berth(node="node-1", partition="CPU-2", device="CPU-1"),
        Berth(node="node-1", partition="CPU-2", device="CPU-1", exclusive=True, gang="another"),
        Berth(node="node-1", partition="CPU-2", device="CPU-1", gang="another"),
    ],
    ids=["the device", "the device whole", "a share", "another gang", "another gang that lets others in"],
)
def test_the_database_keeps_strangers_from_a_device_that_a_group_holds(database: Database, berth: Berth) -> None:
    with database.write() as session:
        begun(session)
        nodes.store_share(session, "node-1", partition("CPU-2"), NOW)
        stranger = submit(session, NOW).id
    with pytest.raises(IntegrityError), database.write() as session:
        leases.grant(session, runs.lock(session, stranger), berth, NOW, LEASE_S)
    with database.read() as session:
        assert session.scalars(select(Run.state).where(Run.id == stranger)).one() is RunState.QUEUED
