"""Performing a job, whatever it asks for: one child that measures, or several of which each tries something."""

from pathlib import Path

from migperf.measure.helper_process import HelperDiedError
from migperf.measure.job import Job
from migperf.measure.launcher import Launcher
from migperf.measure.outcome import Ending, Outcome
from migperf.measure.rendezvous import Rendezvous
from migperf.measure.search import MaxBatch
from migperf.measure.searching.max_batch import MaxBatchSearch
from migperf.measure.supervisor import Limits, Supervisor, Watcher
from migperf.metrics.instruments import Instruments


def perform(
    launcher: Launcher, instruments: Instruments, job: Job, watcher: Watcher, log: Path, limits: Limits
) -> Outcome:
    """Perform the job to its end and return the outcome.

    Raises HelperDiedError if a child cannot start, and UnfitHelperError if none ever can.
    """
    kind = MaxBatchSearch if isinstance(job.benchmark.search, MaxBatch) else Supervisor
    return kind(launcher, instruments, job, watcher, log, limits).run()


def perform_together(supervisor: Supervisor, run_id: str, rendezvous: Rendezvous) -> Outcome:
    """Perform one run of a group whose others are performed beside it; what keeps it from succeeding ends them too.

    Raises HelperDiedError if a child cannot start, and UnfitHelperError if none ever can.
    """
    try:
        outcome = supervisor.run(rendezvous)
    except Exception as error:
        rendezvous.break_up(f"run {run_id}: {error}", again=isinstance(error, HelperDiedError))
        raise
    if outcome.ending is not Ending.SUCCEEDED:
        reason = f"run {run_id} ended as {outcome.ending}: {outcome.reason}"
        rendezvous.break_up(reason, again=outcome.ending is Ending.INTERRUPTED)
    return outcome
