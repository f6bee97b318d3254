"""Performing a benchmark here and now for benchmarks of migperf itself: a supervisor and a child, no service."""

import tempfile
from pathlib import Path

from migperf.gpus.partition import Partition
from migperf.measure.benchmark import Benchmark
from migperf.measure.job import Job
from migperf.measure.launcher import Launcher
from migperf.measure.outcome import Outcome, Stop
from migperf.measure.perform import perform
from migperf.measure.phases import Phase
from migperf.measure.supervisor import Limits, Standing
from migperf.metrics.instruments import Instruments
from migperf.metrics.series import SeriesUpdate

LIMITS = Limits(tick_s=0.5, samples_every_s=3600.0)


class Nobody:
    """Watches a run without a word."""

    def entered(self, phase: Phase, at_ns: int) -> None:
        """See Watcher."""

    def tick(self, standing: Standing) -> Stop | None:  # noqa: ARG002 - nothing is stopped
        """See Watcher."""
        return None

    def samples(self, updates: list[SeriesUpdate]) -> None:
        """See Watcher."""


def perform_here(
    launcher: Launcher, benchmark: Benchmark, partition: Partition, instruments: Instruments | None = None
) -> Outcome:
    """Perform a benchmark on a partition of this host and return what came of it."""
    job = Job(run_id="here", benchmark=benchmark, partition=partition, timeout_s=3600.0)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        log.touch()
        return perform(launcher, instruments or Instruments(), job, Nobody(), log, LIMITS)
