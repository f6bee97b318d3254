"""Whatever happens in whatever order, a partition is held by one run, a run by one lease, and old tokens are dead.

A hypothesis state machine drives the store as placement, workers, users and time do, on a real database.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, precondition, rule
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from migperf.errors import ConflictError
from migperf.jobs.offering import read_offer
from migperf.jobs.placement import match
from migperf.jobs.queue_reader import QueueReader
from migperf.store import leases, runs
from migperf.store.database import Database
from migperf.store.leases import LeaseLostError
from migperf.store.models import Lease, Run, RunEvent
from migperf.store.states import FINAL_STATES, RunState
from tests.builders import LEASE_S, partition, place, register, submit
from tests.databases import migrated_sqlite

PARTITIONS = (partition("CPU-1"), partition("CPU-2"))
HOLDING = {RunState.PLACED, RunState.RUNNING}
RETRY_LIMIT = TAINT_RETRY_LIMIT = 1


class LeaseMachine(RuleBasedStateMachine):
    """Two partitions on one node, any number of runs."""

    tokens = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.database = Database(migrated_sqlite(Path(self.folder.name)))
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.incarnation = 1
        self.run_ids: list[str] = []
        self.granted: list[int] = []
        with self.database.write() as session:
            register(session, self.now, *PARTITIONS)

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()

    @rule(priority=st.integers(-2, 2))
    def a_user_submits(self, priority: int) -> None:
        with self.database.write() as session:
            self.run_ids.append(self._submit(session, priority))

    def _submit(self, session: Session, priority: int) -> str:
        limits = {"retry_limit": RETRY_LIMIT, "taint_retry_limit": TAINT_RETRY_LIMIT}
        return submit(session, self.now, priority=priority, **limits).id

    @rule(target=tokens)
    def a_pass_places(self) -> object:
        with self.database.write() as session:
            offer = read_offer(session, self.now, stale_s=1e9)
            given = [
                place(session, runs.lock(session, m.run_id), self.now, m.partition.uuid, m.node).id
                for m in match(QueueReader(session).waiting(), offer)
            ]
        assert all(token > max(self.granted, default=0) for token in given), "fencing tokens only grow"
        self.granted += given
        return multiple(*given)

    @rule(token=tokens)
    def a_worker_is_woken(self, token: int) -> None:
        with self.database.write() as session:
            try:
                held = leases.claim(session, token, str(self.incarnation), self.now, LEASE_S)
            except LeaseLostError:
                return
            assert held is None or held.run.state is RunState.RUNNING

    @rule(token=tokens)
    def a_supervisor_renews(self, token: int) -> None:
        with self.database.write() as session:
            active = self.is_active(session, token)
            try:
                leases.renew(session, token, self.now, LEASE_S)
            except LeaseLostError:
                assert not active
            else:
                assert active, "a dead token renewed a lease"

    @rule(token=tokens, state=st.sampled_from([RunState.SUCCEEDED, RunState.FAILED, RunState.DOES_NOT_FIT]))
    def a_supervisor_finishes(self, token: int, state: RunState) -> None:
        with self.database.write() as session:
            lease = session.get(Lease, token)
            ready = self.is_active(session, token) and lease.claimed_at is not None
            if not ready and self.is_active(session, token):
                return
            try:
                leases.finish(session, token, state, self.now)
            except LeaseLostError:
                assert not ready
            else:
                assert ready, "a dead token finished a run"

    @rule(token=consumes(tokens))
    def a_worker_hands_back(self, token: int) -> None:
        with self.database.write() as session:
            lease = session.get(Lease, token)
            if self.is_active(session, token) and lease.claimed_at is not None:
                leases.hand_back(session, token, self.now, "stopped")

    @rule(token=tokens)
    def an_outcome_is_spoiled(self, token: int) -> None:
        with self.database.write() as session:
            lease = session.get(Lease, token)
            if not self.is_active(session, token) or lease.claimed_at is None:
                return
            run = runs.get(session, lease.run_id)
            may_be_tried = run.taint_retries < run.taint_retry_limit and run.cancel_requested_at is None
            assert leases.try_again(session, token, self.now, "tainted") is may_be_tried
            assert run.state is (RunState.QUEUED if may_be_tried else RunState.RUNNING)
            assert self.is_active(session, token) is not may_be_tried, "what is not tried again is held until it ends"

    @rule(seconds=st.sampled_from([1, 10, 20]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def leases_expire(self) -> None:
        with self.database.write() as session:
            leases.expire(session, self.now)

    @rule()
    def the_worker_dies_and_starts_again(self) -> None:
        self.incarnation += 1
        with self.database.write() as session:
            lost = leases.reclaim(session, "node-1", str(self.incarnation), self.now)
            assert all(one.state != RunState.RUNNING for one in lost)

    @precondition(lambda self: self.run_ids)
    @rule(data=st.data())
    def a_user_cancels(self, data: st.DataObject) -> None:
        run_id = data.draw(st.sampled_from(self.run_ids))
        with self.database.write() as session:
            try:
                run = runs.request_cancel(session, run_id, self.now)
            except ConflictError:
                assert runs.get(session, run_id).state in FINAL_STATES
            else:
                assert run.state is RunState.CANCELLED or run.cancel_requested_at is not None

    @precondition(lambda self: self.run_ids)
    @rule(data=st.data())
    def a_user_deletes(self, data: st.DataObject) -> None:
        run_id = data.draw(st.sampled_from(self.run_ids))
        with self.database.write() as session:
            final = runs.get(session, run_id).state in FINAL_STATES
            try:
                runs.delete(session, run_id)
            except ConflictError:
                assert not final
            else:
                assert final
                self.run_ids.remove(run_id)

    @invariant()
    def leases_and_states_agree(self) -> None:
        with self.database.read() as session:
            active = session.scalars(select(Lease).where(Lease.released_at.is_(None))).all()
            stored = {run.id: run for run in session.scalars(select(Run))}
            held = [lease.partition for lease in active if lease.partition is not None]
            assert len(set(held)) == len(held)
            assert {lease.run_id for lease in active} == {r.id for r in stored.values() if r.state in HOLDING}
            assert set(stored) == set(self.run_ids), "runs neither vanish nor double"
            assert all(run.losses <= run.retry_limit + 1 for run in stored.values())
            assert all(run.taint_retries <= run.taint_retry_limit for run in stored.values())
            assert all((run.finished_at is not None) == (run.state in FINAL_STATES) for run in stored.values())
            for lease in active:
                claimed = lease.claimed_at is not None
                assert claimed == (stored[lease.run_id].state is RunState.RUNNING)

    @invariant()
    def every_run_has_a_timeline_without_a_gap(self) -> None:
        with self.database.read() as session:
            last = dict(
                session.execute(
                    select(RunEvent.run_id, RunEvent.name).where(
                        RunEvent.id.in_(select(func.max(RunEvent.id)).group_by(RunEvent.run_id))
                    )
                ).all()
            )
            assert all(last[run.id] == run.state for run in session.scalars(select(Run)))

    @staticmethod
    def is_active(session: object, token: int) -> bool:
        lease = session.get(Lease, token)
        return lease is not None and lease.released_at is None


TestLeaseMachine = pytest.mark.no_cover(LeaseMachine.TestCase)
TestLeaseMachine.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.slow
class TestLeaseMachineLonger(LeaseMachine.TestCase):
    """The same for longer."""

    settings = settings(
        max_examples=400, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
    )
