"""Executing one leased run on this node: claim, supervise, store. What a wake-up makes the worker do."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import JsonValue
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from migperf.errors import MigperfError
from migperf.experiments.group import Role
from migperf.gpus.layout import Layout
from migperf.gpus.mps.control import MpsError
from migperf.gpus.partition import Partition
from migperf.gpus.sharing import Sharing
from migperf.jobs.keep_alive import write_when_possible
from migperf.jobs.layouts import NodeGpus, Shared
from migperf.jobs.logs import KeptLog, read_log
from migperf.jobs.meetings import Meetings
from migperf.jobs.sharing import DeviceSharing
from migperf.jobs.watcher import AwaitingWatcher, DatabaseWatcher
from migperf.measure.benchmark import Benchmark
from migperf.measure.company import Company
from migperf.measure.helper_process import HelperDiedError, UnfitHelperError
from migperf.measure.job import Job
from migperf.measure.launcher import Launcher
from migperf.measure.launchers import Launchers, UnknownEnvironmentError
from migperf.measure.outcome import Ending, Outcome, Stop
from migperf.measure.perform import perform, perform_together
from migperf.measure.supervisor import Limits, Supervisor
from migperf.metrics.instruments import Instruments
from migperf.settings import Settings
from migperf.store import gpus, leases, nodes, results, series
from migperf.store.database import Database, now
from migperf.store.leases import Held, LeaseLostError
from migperf.store.models import GroupRow, Run
from migperf.store.states import RunState

LOG_TAIL_LINES = 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Executor:
    """Executes leased runs. One per worker; each run in a thread of its own."""

    settings: Settings
    database: Database
    launchers: Launchers
    instruments: Instruments
    gpus: NodeGpus
    incarnation: str
    stopping: threading.Event
    sharing: DeviceSharing
    meetings: Meetings = field(default_factory=Meetings)

    def execute(self, token: int) -> str | None:
        """Perform the run that the lease was granted for and return its id.

        Ends at once, with None, if the run has been begun, or the lease is lost.
        """
        claimed = self._claim(token)
        if claimed is None:
            return None
        log = self._log_path(claimed.run_id, token)
        try:
            outcome = self._perform(claimed, token, log)
            self._store(token, outcome, read_log(log, self.settings.log_kept_bytes))
        finally:
            log.unlink(missing_ok=True)
        return claimed.run_id

    def _claim(self, token: int) -> "_Claimed | None":
        if self.stopping.is_set():
            return None
        try:
            with self.database.write() as session:
                held = leases.claim(session, token, self.incarnation, now(session), self.settings.lease_s)
                if held is None:
                    return None
                held.run.clock_zero_ns = time.monotonic_ns()
                return _Claimed.of(held)
        except LeaseLostError:
            return None

    def _perform(self, claimed: "_Claimed", token: int, log: Path) -> Outcome:
        """Cut the GPU if the run wants it cut, then supervise the run."""
        try:
            partition = claimed.partition or self._cut(claimed, token)
        except LeaseLostError:
            return Outcome(ending=Ending.INTERRUPTED, stop=Stop.LEASE_LOST)
        except MigperfError as error:
            return Outcome(ending=Ending.FAILED, reason=f"its layout could not be had: {error}")
        try:
            with self.sharing.prepared(claimed.gang or claimed.run_id, partition) as prepared:
                job = Job(
                    run_id=claimed.run_id,
                    benchmark=claimed.benchmark,
                    partition=partition,
                    timeout_s=claimed.timeout_s,
                    company=claimed.company,
                    environment=dict(prepared.environment),
                    facts=self._partition_facts(partition) | dict(prepared.facts),
                )
                return _as_shared(self._supervise(job, token, log, claimed.gang), prepared.problem())
        except MpsError as error:
            return Outcome(ending=Ending.FAILED, reason=f"its device could not be shared: {error}")

    def _cut(self, claimed: "_Claimed", token: int) -> Partition:
        if claimed.gpu is None or claimed.benchmark.layout is None:
            raise MigperfError("it was placed on nothing")
        layout = Layout.parse(claimed.benchmark.layout)
        return self.gpus.cut_for_run(token, claimed.gpu, layout, claimed.benchmark.where, claimed.shared)

    def _partition_facts(self, partition: Partition) -> dict[str, JsonValue]:
        """Return what the result must say of where it was measured: how the partition's GPU was cut then."""
        if partition.gpu_uuid is None:
            return {}
        with self.database.read() as session:
            gpu = gpus.describe(gpus.get(session, partition.gpu_uuid))
        return {"gpu": gpu.uuid, "layout": str(gpu.layout), "driver": gpu.driver_version, "simulated": gpu.simulated}

    def _supervise(self, job: Job, token: int, log: Path, gang: str | None) -> Outcome:
        watcher = DatabaseWatcher(self.database, token, self.settings.lease_s, self.stopping)
        limits = Limits(
            tick_s=self.settings.lease_renew_s,
            samples_every_s=self.settings.samples_every_s,
            kill_grace_s=self.settings.kill_grace_s,
            log_bytes=self.settings.log_limit_bytes,
        )
        try:
            launcher = self.launchers.of(job.benchmark.environment)
            if job.company is not None and gang is not None:
                return self._supervise_together(launcher, job, gang, watcher, log, limits)
            return perform(launcher, self.instruments, job, watcher, log, limits)
        except HelperDiedError as error:
            return Outcome(ending=Ending.INTERRUPTED, reason=str(error))
        except (UnfitHelperError, UnknownEnvironmentError) as error:
            return Outcome(ending=Ending.FAILED, reason=f"its software environment cannot be used: {error}")
        except Exception as error:  # noqa: BLE001 - a defect of ours must end the run, not leave it running
            _log.exception("the supervisor of run %s failed", job.run_id)
            return Outcome(ending=Ending.FAILED, reason=f"migperf's supervisor failed: {type(error).__name__}: {error}")

    def _supervise_together(
        self, launcher: Launcher, job: Job, gang: str, watcher: DatabaseWatcher, log: Path, limits: Limits
    ) -> Outcome:
        size = 1 if job.company is None else job.company.members
        with self.meetings.attend(gang, size) as rendezvous:
            awaiting = AwaitingWatcher(watcher, rendezvous, self.database, gang, size)
            supervisor = Supervisor(launcher, self.instruments, job, awaiting, log, limits)
            return perform_together(supervisor, job.run_id, rendezvous)

    def _store(self, token: int, outcome: Outcome, log: KeptLog) -> None:
        """Store what the attempt came to, exactly once; wait for a database that is away."""
        if outcome.stop is Stop.LEASE_LOST:
            _log.warning("lease %s was lost; its attempt leaves nothing behind", token)
            return
        try:
            self._write(lambda session: self._store_once(session, token, outcome, log))
        except LeaseLostError:
            _log.warning("lease %s was lost before its outcome could be stored", token)
        except Exception as error:  # noqa: BLE001 - a run must not be left running because its result is odd
            _log.exception("the outcome of lease %s cannot be stored", token)
            reason = f"its result could not be stored: {type(error).__name__}: {error}"
            self._write(lambda session: _fail(session, token, reason))

    def _store_once(self, session: Session, token: int, outcome: Outcome, log: KeptLog) -> None:
        if outcome.stop is Stop.HAND_BACK:
            # In one transaction, lest the run be placed here again while this worker stops.
            nodes.sign_off(session, self.settings.node_name, self.incarnation, now(session))
        store_outcome(session, token, outcome, log)

    def tidy(self, run_id: str) -> None:
        """Join the small chunks that a run's live writing has left; for when nobody waits for anything else."""
        try:
            with self.database.write() as session:
                series.compact(session, run_id, whole=True)
        except SQLAlchemyError as error:
            _log.warning("the series of run %s stay in small chunks: %s", run_id, error)

    def _write(self, write: Callable[[Session], None]) -> None:
        write_when_possible(self.database, self.stopping, write)

    def _log_path(self, run_id: str, token: int) -> Path:
        self.settings.runs_dir.mkdir(parents=True, exist_ok=True)
        return self.settings.runs_dir / f"{run_id}.{token}.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claimed:
    """A run that this worker has begun. Without a partition its GPU is to be cut first."""

    run_id: str
    benchmark: Benchmark
    timeout_s: float
    partition: Partition | None
    gpu: str | None
    gang: str | None
    company: Company | None
    shared: Shared | None

    @classmethod
    def of(cls, held: Held) -> "_Claimed":
        row, group = held.run.partition_row, held.run.group_row
        return cls(
            gang=held.lease.gang,
            company=None if group is None else _company(group, held.run),
            shared=None if group is None or held.lease.gang is None else _shared(group, held),
            run_id=held.run.id,
            benchmark=Benchmark.model_validate(held.run.benchmark),
            timeout_s=held.run.timeout_s,
            partition=None if row is None else Partition.model_validate(row.description),
            gpu=held.lease.gpu,
        )


def _as_shared(outcome: Outcome, problem: str | None) -> Outcome:
    """Return the outcome, void if the device was not shared as it was to be."""
    if problem is None or outcome.ending is not Ending.SUCCEEDED:
        return outcome
    return replace(
        outcome, ending=Ending.FAILED, void=True, reason=f"void: {problem}", figures=(), finished=None, summaries=()
    )


def _company(group: GroupRow, run: Run) -> Company | None:
    if group.size == 1:
        return None
    return Company(group=group.id, members=group.size, measured=run.role != Role.NEIGHBOUR)


def _shared(group: GroupRow, held: Held) -> Shared:
    sharing = None if group.sharing is None else Sharing.model_validate(group.sharing)
    return Shared(gang=held.lease.gang or "", sharing=sharing, shares=group.shares, member=held.run.member or 0)


def store_outcome(session: Session, token: int, outcome: Outcome, log: KeptLog) -> None:
    """Write an attempt's outcome and release its lease. Raises LeaseLostError."""
    held = leases.hold(session, token)
    results.store_log(session, held.run.id, held.run.attempt, log.kept, log.total_bytes)
    time_now = now(session)
    if outcome.stop is Stop.HAND_BACK:
        leases.hand_back(session, token, time_now, "the worker was stopped")
    elif outcome.stop is Stop.GIVE_BACK:
        leases.hand_back(session, token, time_now, "its partition was needed for a change of layout")
    elif outcome.ending is Ending.INTERRUPTED:
        leases.lose(session, held.lease, time_now, outcome.reason or "interrupted")
    elif outcome.spoiled is None or not leases.try_again(session, token, time_now, outcome.spoiled):
        _store_result(session, held.run, outcome)
        leases.finish(session, token, RunState(outcome.ending), time_now, _reason(outcome, log))


def _store_result(session: Session, run: Run, outcome: Outcome) -> None:
    run.environment = dict(outcome.environment)
    run.taints = None if outcome.taints is None else [taint.model_dump() for taint in outcome.taints]
    results.store_figures(session, run.id, outcome.figures)
    results.store_documents(session, run.id, outcome.documents)
    series.store_summaries(session, run.id, outcome.summaries)
    if outcome.finished is not None:
        zero_ns = run.clock_zero_ns or 0
        run.window_start_ns = outcome.finished.window_start_ns - zero_ns
        run.window_end_ns = outcome.finished.window_end_ns - zero_ns
        run.warmup_ended_by = outcome.finished.warmup_ended_by
        run.warmup_note = outcome.finished.warmup_note
        run.measuring_ended_by = outcome.finished.measuring_ended_by
        run.measuring_note = outcome.finished.measuring_note
        run.converged = outcome.finished.converged
        results.store_tables(session, run.id, outcome.finished.tables)


def _reason(outcome: Outcome, log: KeptLog) -> str | None:
    if outcome.ending is not Ending.FAILED or not log.kept:
        return outcome.reason
    return f"{outcome.reason}\n\nEnd of its log:\n{log.tail(LOG_TAIL_LINES)}"


def _fail(session: Session, token: int, reason: str) -> None:
    leases.finish(session, token, RunState.FAILED, now(session), reason)
