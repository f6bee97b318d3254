"""Executing one leased run on this node: claim, supervise, store. What a wake-up makes the worker do."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from migperf.gpus.partition import Partition
from migperf.jobs.logs import KeptLog, read_log
from migperf.jobs.watcher import DatabaseWatcher
from migperf.measure.benchmark import Benchmark
from migperf.measure.job import Job
from migperf.measure.launcher import HelperDiedError, Launcher
from migperf.measure.outcome import Ending, Outcome, Stop
from migperf.measure.supervisor import Limits, Supervisor
from migperf.settings import Settings
from migperf.store import leases, nodes, results, series
from migperf.store.database import Database, now
from migperf.store.leases import LeaseLostError
from migperf.store.models import Run
from migperf.store.states import RunState

STORE_RETRY_S = 1.0
LOG_TAIL_LINES = 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Executor:
    """Executes leased runs. One per worker; each run in a thread of its own."""

    settings: Settings
    database: Database
    launcher: Launcher
    incarnation: str
    stopping: threading.Event

    def execute(self, token: int) -> None:
        """Perform the run that the lease was granted for. Ends at once if it has been begun, or the lease is lost."""
        job = self._claim(token)
        if job is None:
            return
        log = self._log_path(job.run_id, token)
        try:
            outcome = self._supervise(job, token, log)
            self._store(token, outcome, read_log(log, self.settings.log_kept_bytes))
        finally:
            log.unlink(missing_ok=True)

    def _claim(self, token: int) -> Job | None:
        if self.stopping.is_set():
            return None
        try:
            with self.database.write() as session:
                held = leases.claim(session, token, self.incarnation, now(session), self.settings.lease_s)
                if held is None or held.run.partition_row is None:
                    return None
                held.run.clock_zero_ns = time.monotonic_ns()
                return _job(held.run, Partition.model_validate(held.run.partition_row.description))
        except LeaseLostError:
            return None

    def _supervise(self, job: Job, token: int, log: Path) -> Outcome:
        watcher = DatabaseWatcher(self.database, token, self.settings.lease_s, self.stopping)
        limits = Limits(
            tick_s=self.settings.lease_renew_s,
            kill_grace_s=self.settings.kill_grace_s,
            log_bytes=self.settings.log_limit_bytes,
        )
        try:
            return Supervisor(self.launcher, job, watcher, log, limits).run()
        except HelperDiedError as error:
            return Outcome(ending=Ending.INTERRUPTED, reason=str(error))
        except Exception as error:  # noqa: BLE001 - a defect of ours must end the run, not leave it running
            _log.exception("the supervisor of run %s failed", job.run_id)
            return Outcome(ending=Ending.FAILED, reason=f"migperf's supervisor failed: {type(error).__name__}: {error}")

    def _store(self, token: int, outcome: Outcome, log: KeptLog) -> None:
        """Store what the attempt came to, exactly once; wait for a database that is away."""
        if outcome.stop is Stop.LEASE_LOST:
            _log.warning("lease %s was lost; its attempt leaves nothing behind", token)
            return
        try:
            self._until_stored(lambda session: self._store_once(session, token, outcome, log))
        except LeaseLostError:
            _log.warning("lease %s was lost before its outcome could be stored", token)
        except Exception as error:  # noqa: BLE001 - a run must not be left running because its result is odd
            _log.exception("the outcome of lease %s cannot be stored", token)
            reason = f"its result could not be stored: {type(error).__name__}: {error}"
            self._until_stored(lambda session: _fail(session, token, reason))

    def _store_once(self, session: Session, token: int, outcome: Outcome, log: KeptLog) -> None:
        if outcome.stop is Stop.HAND_BACK:
            # In one transaction, lest the run be placed here again while this worker stops.
            nodes.sign_off(session, self.settings.node_name, self.incarnation, now(session))
        store_outcome(session, token, outcome, log)

    def _until_stored(self, write: Callable[[Session], None]) -> None:
        while True:
            try:
                with self.database.write() as session:
                    write(session)
            except OperationalError as error:
                if self.stopping.wait(STORE_RETRY_S):
                    raise
                _log.warning("the database is away (%s); trying again", error)
            else:
                return

    def _log_path(self, run_id: str, token: int) -> Path:
        self.settings.runs_dir.mkdir(parents=True, exist_ok=True)
        return self.settings.runs_dir / f"{run_id}.{token}.log"


def store_outcome(session: Session, token: int, outcome: Outcome, log: KeptLog) -> None:
    """Write an attempt's outcome and release its lease. Raises LeaseLostError."""
    held = leases.hold(session, token)
    results.store_log(session, held.run.id, held.run.attempt, log.kept, log.total_bytes)
    time_now = now(session)
    if outcome.stop is Stop.HAND_BACK:
        leases.hand_back(session, token, time_now, "the worker was stopped")
    elif outcome.ending is Ending.INTERRUPTED:
        leases.lose(session, held.lease, time_now, outcome.reason or "interrupted")
    else:
        _store_result(session, held.run, outcome)
        leases.finish(session, token, RunState(outcome.ending), time_now, _reason(outcome, log))


def _job(run: Run, partition: Partition) -> Job:
    benchmark = Benchmark.model_validate(run.benchmark)
    return Job(run_id=run.id, benchmark=benchmark, partition=partition, timeout_s=run.timeout_s)


def _store_result(session: Session, run: Run, outcome: Outcome) -> None:
    run.environment = dict(outcome.environment)
    results.store_figures(session, run.id, outcome.figures)
    for watched in outcome.series:
        if watched.absent is not None and not len(watched):
            series.mark_absent(session, run.id, watched.metric, watched.absent)
    if outcome.finished is not None:
        zero_ns = run.clock_zero_ns or 0
        run.window_start_ns = outcome.finished.window_start_ns - zero_ns
        run.window_end_ns = outcome.finished.window_end_ns - zero_ns
        run.warmup_ended_by = outcome.finished.warmup_ended_by
        run.measuring_ended_by = outcome.finished.measuring_ended_by
        results.store_tables(session, run.id, outcome.finished.tables)


def _reason(outcome: Outcome, log: KeptLog) -> str | None:
    if outcome.ending is not Ending.FAILED or not log.kept:
        return outcome.reason
    return f"{outcome.reason}\n\nEnd of its log:\n{log.tail(LOG_TAIL_LINES)}"


def _fail(session: Session, token: int, reason: str) -> None:
    leases.finish(session, token, RunState.FAILED, now(session), reason)
