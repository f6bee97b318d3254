"""Runs of a group whose companion does not come learn that, and why, while they wait: real children and databases."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from migperf.experiments.group import GroupSpec
from migperf.gpus.host_cpu import cpu_partition
from migperf.gpus.partition import Partition
from migperf.gpus.shares import divide
from migperf.gpus.sharing import Sharing
from migperf.jobs.execute import Executor
from migperf.jobs.layouts import NodeGpus
from migperf.jobs.sharing import DeviceSharing
from migperf.jobs.watcher import AwaitingWatcher, DatabaseWatcher
from migperf.measure.company import Stage
from migperf.measure.launcher import Launcher
from migperf.measure.launchers import Launchers
from migperf.measure.phases import Phase
from migperf.measure.rendezvous import Rendezvous
from migperf.measure.supervisor import Standing
from migperf.metrics.instruments import Instruments
from migperf.settings import Settings, load_settings
from migperf.store import experiments, leases, nodes
from migperf.store.database import Database, now
from migperf.store.experiments import NewCell, NewExperiment
from migperf.store.leases import Berth
from migperf.store.models import Run
from migperf.store.states import GroupState, RunState
from tests.builders import inventory
from tests.gpus.mps.host import PROGRAM, MpsHost, shares
from tests.measure.supervised import QUICK

GANG, NODE = "gang", "test-node"
STANDING = Standing(Phase.WARMING_UP, 0.0, 0)


@dataclass
class Worker:
    """A node whose worker performs what the test places on it."""

    settings: Settings
    database: Database
    executor: Executor

    def place(self, *parts: Partition) -> tuple[list[str], list[int]]:
        """Submit a group with a run for each part, and place it in one step; return run ids and tokens."""
        step = {"workload": "test-step", "scenario": "single_stream", "method": QUICK}
        spec = GroupSpec.model_validate({"members": [{"benchmark": step}] * len(parts), "sharing": "time_slicing"})
        cells = (NewCell(coordinates={}, spec=spec),)
        new = NewExperiment(name="test", document={}, plan={}, cells=cells, order=((0, 0),), retry_failed=0)
        with self.database.write() as session:
            time = now(session)
            experiment = experiments.submit(session, new, time)
            run_ids, tokens = [], []
            for run, part in zip(experiments.runs_of(session, experiment.id), parts, strict=True):
                nodes.store_share(session, NODE, part, time)
                berth = Berth(node=NODE, partition=part.uuid, device="device", exclusive=True, gang=GANG)
                tokens.append(leases.grant(session, run, berth, time, 60).id)
                run_ids.append(run.id)
        return run_ids, tokens

    def runs(self, run_ids: Sequence[str]) -> list[Run]:
        with self.database.read() as session:
            return [session.get_one(Run, run_id) for run_id in run_ids]

    def settle(self) -> list[GroupState]:
        with self.database.write() as session:
            experiments.settle(session, now(session))
            (one,) = experiments.latest(session, 1).rows
            return [group.state for group in experiments.groups_of(session, one.id)]


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    with Launcher() as warm:
        warm.wait_until_warm()
        yield warm


@pytest.fixture
def worker(database: Database, database_url: str, launcher: Launcher, tmp_path: Path) -> Worker:
    settings = load_settings(
        data_dir=tmp_path, database_url=database_url, node_name=NODE, lease_renew_s=0.1, mps_control=PROGRAM
    )
    with database.write() as session:
        registration = nodes.Registration(
            name=NODE, incarnation="a", host="h", version="0", inventory=inventory(cpu_partition())
        )
        nodes.register(session, registration, now(session), 20)
    stopping = threading.Event()
    gpus = NodeGpus(settings=settings, database=database, driver=None, incarnation="a", stopping=stopping)
    executor = Executor(
        settings=settings,
        sharing=DeviceSharing.of(settings),
        database=database,
        launchers=Launchers(own=launcher),
        instruments=Instruments(),
        gpus=gpus,
        incarnation="a",
        stopping=stopping,
    )
    return Worker(settings, database, executor)


def on_cpu(runs: int) -> tuple[Partition, ...]:
    return divide(cpu_partition(), Sharing(mode="time_slicing"), runs)


def test_a_run_whose_device_cannot_be_shared_tells_the_others_why(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never has a child, so it never comes; the other names it and what stopped it, and both have ended."""
    MpsHost(tmp_path, monkeypatch).set(fault="refuse")
    (waiting, stopped), tokens = worker.place(on_cpu(2)[0], shares(2)[1])
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(worker.executor.execute, tokens))
    waited, failed = worker.runs([waiting, stopped])
    assert failed.state is RunState.FAILED
    assert failed.reason.startswith("its device could not be shared: ")
    assert waited.state is RunState.FAILED
    assert waited.reason.startswith(f"void: its group broke up: run {stopped} ended as failed: {failed.reason}")
    assert waited.losses == 0
    assert worker.settle() == [GroupState.FAILED]


def test_a_run_whose_companion_lost_its_place_before_it_began_is_queued_again_and_says_so(worker: Worker) -> None:
    (waiting, lost), (token, lost_token) = worker.place(*on_cpu(2))
    with worker.database.write() as session:
        leases.claim(session, lost_token, "a", now(session), 60)
        leases.hand_back(session, lost_token, now(session), "its node was asked to stop")
    worker.executor.execute(token)
    waited, gone = worker.runs([waiting, lost])
    assert [run.state for run in (waited, gone)] == [RunState.QUEUED] * 2
    assert waited.reason == f"void: its group broke up: run {lost} lost its place: its node was asked to stop"
    assert worker.settle() == [GroupState.OPEN]


def test_nobody_asks_whether_others_come_once_all_are_there(worker: Worker) -> None:
    """A companion that ends later tells the rendezvous itself; what the database says of it comes second."""
    _, (token, other) = worker.place(*on_cpu(2))
    with worker.database.write() as session:
        for one in (token, other):
            leases.claim(session, one, "a", now(session), 60)
    meeting = Rendezvous(2)
    watcher = AwaitingWatcher(
        DatabaseWatcher(worker.database, token, 60, threading.Event()), meeting, worker.database, GANG, 2
    )
    assert watcher.tick(STANDING) is None
    assert meeting.broken is None, "it has its place, and may be on its way"
    for name in ("a", "b"):
        meeting.join(name, lambda _: None)
    meeting.reach("a", Stage.PREPARED)
    with worker.database.write() as session:
        leases.finish(session, other, RunState.FAILED, now(session), "unwell")
    assert watcher.tick(STANDING) is None
    assert meeting.broken is None


def test_a_database_that_is_away_breaks_no_group_up(worker: Worker, tmp_path: Path) -> None:
    _, (token, _) = worker.place(*on_cpu(2))
    gone, meeting = Database(f"sqlite:///{tmp_path / 'nothing' / 'there.db'}"), Rendezvous(2)
    watcher = AwaitingWatcher(DatabaseWatcher(worker.database, token, 60, threading.Event()), meeting, gone, GANG, 2)
    assert watcher.tick(STANDING) is None
    assert meeting.broken is None
    gone.close()
