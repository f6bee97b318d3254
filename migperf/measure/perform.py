"""Performing a job, whatever it asks for: one child that measures, or several of which each tries something."""

from pathlib import Path

from migperf.measure.job import Job
from migperf.measure.launcher import Launcher
from migperf.measure.outcome import Outcome
from migperf.measure.search import MaxBatch
from migperf.measure.searching.max_batch import MaxBatchSearch
from migperf.measure.supervisor import Limits, Supervisor, Watcher
from migperf.metrics.instruments import Instruments


def perform(
    launcher: Launcher, instruments: Instruments, job: Job, watcher: Watcher, log: Path, limits: Limits
) -> Outcome:
    """Perform the job to its end and return the outcome. Raises HelperDiedError if a child cannot start."""
    kind = MaxBatchSearch if isinstance(job.benchmark.search, MaxBatch) else Supervisor
    return kind(launcher, instruments, job, watcher, log, limits).run()
