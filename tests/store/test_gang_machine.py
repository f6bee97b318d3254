"""The state machine of leases with groups: what is placed in one step holds its device alone, and ends as one.

Passes are real ones; workers take shares of a CPU and of a GPU, or instances of a GPU that they cut.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, multiple, precondition, rule
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from migperf.errors import ConflictError
from migperf.experiments.group import GroupSpec
from migperf.gpus.controller import Controller
from migperf.gpus.gpu import Gpu
from migperf.gpus.inventory import discover, partitions_of
from migperf.gpus.layout import Layout
from migperf.gpus.partition import Partition
from migperf.gpus.shares import divide
from migperf.gpus.sharing import Sharing
from migperf.gpus.simulation.driver import open_in_memory
from migperf.jobs.dispatch import Dispatcher
from migperf.settings import load_settings
from migperf.store import experiments, leases, nodes, runs
from migperf.store.experiments import NewCell, NewExperiment
from migperf.store.leases import Berth
from migperf.store.models import ExperimentRow, GroupRow, Lease, PartitionRow, Run
from migperf.store.states import FINAL_STATES, GroupState, RunState
from tests.builders import LEASE_S, inventory, partition
from tests.store.test_lease_machine import LeaseMachine

RETRY_FAILED = 1
CPUS = tuple(partition(f"CPU-{number}", cpus=(0, 1, 2, 3)) for number in (1, 2))
STEP = {"workload": "test-step", "scenario": "single_stream"}
ON_CPU, ON_GPU = STEP | {"where": {"kind": "cpu"}}, STEP | {"where": {"kind": "gpu"}}
ON_INSTANCE = STEP | {"where": {"kind": "mig"}, "layout": "2x3g.40gb"}


def _cut_board() -> tuple[Gpu, Gpu]:
    """Return an H100 as it comes, and cut into halves."""
    driver = open_in_memory(["h100-80gb"])
    (gpu,) = discover(driver, offer_cpu=False).gpus
    with TemporaryDirectory() as folder:
        made = Controller(driver=driver, lock=FileLock(Path(folder) / "lock")).apply(
            gpu.uuid, Layout.parse("2x3g.40gb")
        )
    return tuple(one.model_copy(update={"simulated": False}) for one in (made.before, made.after))


WHOLE_GPU, CUT_GPU = _cut_board()
SPECS = st.builds(
    lambda member, runs, spare: (
        {"members": [{"benchmark": member[0]}] * runs, "sharing": member[1], "shares": runs + spare}
        if member[1] is not None
        else {"members": [{"benchmark": member[0]}] * 2}
    ),
    st.sampled_from([(ON_CPU, "pinned"), (ON_CPU, "time_slicing"), (ON_GPU, "mps"), (ON_INSTANCE, None)]),
    st.integers(2, 3),
    st.integers(0, 1),
).map(GroupSpec.model_validate)


class GangMachine(LeaseMachine):
    """Two CPUs, a GPU, runs and groups of runs."""

    def __init__(self) -> None:
        super().__init__()
        self.dispatcher = Dispatcher(self.database, load_settings(data_dir=self.folder.name, node_stale_s=1e9))
        with self.database.write() as session:
            self._cut(session, WHOLE_GPU)

    def teardown(self) -> None:
        self.dispatcher.close()
        super().teardown()

    @initialize(target=LeaseMachine.tokens, specs=st.lists(SPECS, min_size=1, max_size=2))
    def groups_are_placed(self, specs: list[GroupSpec]) -> object:
        for spec in specs:
            self.a_user_submits_a_group(spec)
        return multiple(*self._pass())

    @rule()
    def every_worker_is_woken(self) -> None:
        with self.database.read() as session:
            tokens = [lease.id for lease in _active(session)]
        for token in tokens:
            self.a_worker_is_woken(token)

    @rule(spec=SPECS)
    def a_user_submits_a_group(self, spec: GroupSpec) -> None:
        cells = (NewCell(coordinates={}, spec=spec),)
        new = NewExperiment(name="test", document={}, plan={}, cells=cells, order=((0, 0),), retry_failed=RETRY_FAILED)
        with self.database.write() as session:
            experiment = experiments.submit(session, new, self.now)
            self.run_ids += [run.id for run in experiments.runs_of(session, experiment.id)]

    @rule(target=LeaseMachine.tokens)
    def a_pass_places(self) -> object:
        return multiple(*self._pass())

    def _pass(self) -> list[int]:
        with self.database.write() as session:
            self.dispatcher.decide(session, self.now)
            self.run_ids = list(session.scalars(select(Run.id).order_by(Run.id)))
            given = list(session.scalars(select(Lease.id).where(Lease.id > max(self.granted, default=0))))
            fresh = session.scalars(select(Lease).where(Lease.id.in_(given), Lease.gang.is_not(None))).all()
            for of_gang in _by_gang(fresh).values():
                assert all(lease.exclusive for lease in of_gang)
                group = session.get_one(Run, of_gang[0].run_id).group_row
                assert [session.get_one(Run, one.run_id).member for one in of_gang] == list(range(group.size))
            self._check_settled(session)
        self.granted += given
        return given

    def _check_settled(self, session: Session) -> None:
        """Right after a pass, which settles, a group's state follows from those of its runs."""
        for group in session.scalars(select(GroupRow)):
            states = [run.state for run in session.scalars(select(Run).where(Run.group_id == group.id))]
            if group.state is GroupState.OPEN:
                assert any(not state.is_final for state in states)
                begun = {RunState.RUNNING, *FINAL_STATES}
                assert not set(states) & FINAL_STATES or set(states) <= begun, "nobody waits for who will not come"
                continue
            assert group.settled_at is not None
            assert all(state.is_final for state in states)
            if group.state is GroupState.SUCCEEDED:
                assert set(states) == {RunState.SUCCEEDED}
            elif group.state is GroupState.LOST:
                assert RunState.LOST in states or set(states) == {RunState.SUCCEEDED, RunState.CANCELLED}
            else:
                assert RunState(group.state) in states

    @rule(token=LeaseMachine.tokens)
    def a_worker_gives_an_instance(self, token: int) -> None:
        """A run whose GPU is to be cut for it gets an instance that no other of its group has."""
        with self.database.write() as session:
            lease = session.get(Lease, token)
            if self.is_active(session, token) and lease.claimed_at is not None and lease.partition is None:
                self._cut(session, CUT_GPU)
                taken = leases.partitions_of_gang(session, lease.gang)
                free = [part.uuid for part in partitions_of(CUT_GPU) if part.uuid not in taken]
                leases.occupy(session, token, free[0])

    @precondition(lambda self: not self._gpu_is_held())
    @rule()
    def the_gpu_is_made_whole(self) -> None:
        with self.database.write() as session:
            self._cut(session, WHOLE_GPU)

    @precondition(lambda self: self._experiments())
    @rule(data=st.data())
    def a_user_cancels_an_experiment(self, data: st.DataObject) -> None:
        experiment_id = data.draw(st.sampled_from(self._experiments()))
        with self.database.write() as session:
            try:
                experiments.cancel(session, experiment_id, self.now)
            except ConflictError:
                assert experiments.get(session, experiment_id).finished_at is not None
            self.run_ids = list(session.scalars(select(Run.id).order_by(Run.id)))

    @precondition(lambda self: self.run_ids)
    @rule(data=st.data())
    def a_user_deletes(self, data: st.DataObject) -> None:
        run_id = data.draw(st.sampled_from(self.run_ids))
        with self.database.write() as session:
            run = runs.get(session, run_id)
            may = run.state in FINAL_STATES and run.group_id is None
            try:
                runs.delete(session, run_id)
            except ConflictError:
                assert not may
            else:
                assert may
                self.run_ids.remove(run_id)

    @precondition(lambda self: self._gangs())
    @rule(data=st.data())
    def a_stranger_is_refused_by_the_database(self, data: st.DataObject) -> None:
        """Whatever berth code might be wrong about, beside a gang there is none."""
        mate = data.draw(st.sampled_from(self._gangs()))
        gang = data.draw(st.sampled_from([None, "another"]))
        device = next(whole for whole in (*CPUS, *partitions_of(WHOLE_GPU)) if whole.uuid == mate.device)
        part = data.draw(st.sampled_from([device, *_shares(device)]))
        exclusive = data.draw(st.booleans())
        berth = Berth(
            node="node-1", partition=part.uuid, gpu=part.gpu_uuid, exclusive=exclusive, device=device.uuid, gang=gang
        )
        with pytest.raises(IntegrityError):
            self._intrude(part, berth)

    def _intrude(self, part: Partition, berth: Berth) -> None:
        with self.database.write() as session:
            if session.get(PartitionRow, part.uuid) is None:
                nodes.store_share(session, "node-1", part, self.now)
            stranger = runs.lock(session, self._submit(session, 0))
            leases.grant(session, stranger, berth, self.now, LEASE_S)

    @rule()
    def everything_comes_to_its_end(self) -> None:
        """Where nothing goes wrong any more, every run ends and no experiment is left open."""
        for _ in range(2 * (len(self.run_ids) + len(self._experiments())) + 4):
            if not self._pass() and not self._anything_left():
                break
            with self.database.write() as session:
                for lease in session.scalars(select(Lease).where(Lease.released_at.is_(None))).all():
                    if lease.claimed_at is None:
                        leases.claim(session, lease.id, str(self.incarnation), self.now, LEASE_S)
                    leases.finish(session, lease.id, RunState.SUCCEEDED, self.now)
                self._cut(session, WHOLE_GPU)
        with self.database.read() as session:
            waiting = session.scalars(select(Run).where(Run.state.not_in(FINAL_STATES))).all()
            assert [(run.id, run.state, run.reason) for run in waiting] == []
            assert all(one.finished_at is not None for one in session.scalars(select(ExperimentRow)))

    @invariant()
    def who_has_a_device_whole_has_it_alone_or_with_their_own(self) -> None:
        by_device = defaultdict(list)
        with self.database.read() as session:
            for lease in _active(session):
                by_device[lease.device].append(lease)
        for on_device in by_device.values():
            if any(lease.exclusive for lease in on_device) and len(on_device) > 1:
                assert len({lease.gang for lease in on_device}) == 1
                assert on_device[0].gang is not None

    @invariant()
    def a_gang_is_one_group_on_one_device(self) -> None:
        with self.database.read() as session:
            every = session.scalars(select(Lease).where(Lease.gang.is_not(None))).all()
            groups = {run.id: run.group_row for run in session.scalars(select(Run))}
        for of_gang in _by_gang(every).values():
            group = groups[of_gang[0].run_id]
            assert {groups[lease.run_id].id for lease in of_gang} == {group.id}
            assert len({lease.run_id for lease in of_gang}) == len(of_gang) == group.size
            assert len({(lease.device, lease.node) for lease in of_gang}) == 1
            parts = [lease.partition for lease in of_gang if lease.partition is not None]
            assert len(set(parts)) == len(parts)
        active = [lease for lease in every if lease.released_at is None]
        holding = {(groups[lease.run_id].id, lease.gang) for lease in active}
        assert len({group for group, _ in holding}) == len(holding), "placed again while some of it hold their places"

    @invariant()
    def an_attempt_begins_when_the_one_before_has_ended(self) -> None:
        with self.database.read() as session:
            by_repeat = defaultdict(list)
            for group in session.scalars(select(GroupRow).order_by(GroupRow.id)):
                by_repeat[group.experiment_id, group.cell, group.repeat].append(group)
            for attempts in by_repeat.values():
                assert [group.attempt for group in attempts] == list(range(1, len(attempts) + 1))
                assert len(attempts) <= 1 + RETRY_FAILED
                for before, after in pairwise(attempts):
                    assert before.state.is_worth_another_try
                    old = experiments.groups.members(session, before.id)
                    new = experiments.groups.members(session, after.id)
                    assert max(run.finished_at for run in old) <= min(run.created_at for run in new)
                    assert not {run.id for run in old} & {lease.run_id for lease in _active(session)}

    def _cut(self, session: Session, gpu: Gpu) -> None:
        """Have the node say how its GPU is cut."""
        has = inventory(*partitions_of(gpu), *CPUS, gpus=(gpu,))
        nodes.store_inventory(session, "node-1", has, self.now)

    def _anything_left(self) -> bool:
        with self.database.read() as session:
            return session.scalar(select(Run.id).where(Run.state.not_in(FINAL_STATES)).limit(1)) is not None

    def _gpu_is_held(self) -> bool:
        with self.database.read() as session:
            return any(lease.gpu is not None for lease in _active(session))

    def _gangs(self) -> list[Lease]:
        with self.database.read() as session:
            return [lease for lease in _active(session) if lease.gang is not None]

    def _experiments(self) -> list[str]:
        with self.database.read() as session:
            return list(session.scalars(select(ExperimentRow.id).order_by(ExperimentRow.id)))


def _active(session: Session) -> Sequence[Lease]:
    return session.scalars(select(Lease).where(Lease.released_at.is_(None)).order_by(Lease.id)).all()


def _by_gang(of_gangs: Sequence[Lease]) -> dict[str | None, list[Lease]]:
    gangs = defaultdict(list)
    for lease in of_gangs:
        gangs[lease.gang].append(lease)
    return gangs


def _shares(device: Partition) -> tuple[Partition, ...]:
    return divide(device, Sharing(mode="time_slicing"), 4)


TestGangMachine = pytest.mark.no_cover(GangMachine.TestCase)
TestGangMachine.settings = settings(
    max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.slow
class TestGangMachineLonger(GangMachine.TestCase):
    """The same for longer."""

    settings = settings(
        max_examples=400, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
    )
