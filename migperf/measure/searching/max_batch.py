"""Searching for the largest batch that fits: one child after the other under one job, each with a batch size.

Running out of memory can spoil a process, so every size gets a fresh one.
"""

import time
from dataclasses import replace
from pathlib import Path

from migperf.measure.events import Document
from migperf.measure.figures import ResultFigure
from migperf.measure.job import Job
from migperf.measure.launcher import Launcher
from migperf.measure.outcome import Ending, Outcome, Stop
from migperf.measure.phases import Phase
from migperf.measure.search import MaxBatch
from migperf.measure.searching.batch_search import BatchResult, BatchSearch, LimitedBy
from migperf.measure.searching.batch_sizes import BATCH_SIZE, why_not_allowed
from migperf.measure.searching.trials import Trial, TrialEnd, end_of_log, judged, trial_job
from migperf.measure.supervisor import Limits, Standing, Supervisor, Watcher
from migperf.metrics.instruments import Instruments
from migperf.metrics.metric import Scope
from migperf.metrics.series import SeriesUpdate

NS_PER_S = 1_000_000_000
TABLE = "max_batch"


class TrialsWatcher:
    """Shows the trials of a search to a run's watcher as one run, whose measuring consists of trials.

    What is sampled of a trial is not the run's: there is no window that it could be of.
    """

    def __init__(self, watcher: Watcher, search: BatchSearch) -> None:
        self._watcher, self._search = watcher, search
        self._phase: Phase | None = None

    def entered(self, phase: Phase, at_ns: int) -> None:
        """See Watcher: the first child's start is the run's, all that follows is measuring."""
        shown = Phase.STARTING if phase is Phase.STARTING else Phase.MEASURING
        if shown is not self._phase and self._phase is not Phase.MEASURING:
            self._phase = shown
            self._watcher.entered(shown, at_ns)

    def tick(self, standing: Standing) -> Stop | None:  # noqa: ARG002 - a trial is too short to tell of its steps
        """See Watcher."""
        tried = self._search.tried
        fraction = tried / max(1, tried + self._search.most_left())
        note = f"trying batch size {self._search.next}"
        return self._watcher.tick(Standing(self._phase or Phase.STARTING, fraction, tried, note))

    def samples(self, updates: list[SeriesUpdate]) -> None:
        """See Watcher."""


class MaxBatchSearch:
    """Performs one job that searches for the largest batch. Use once: ``MaxBatchSearch(...).run()``."""

    def __init__(
        self, launcher: Launcher, instruments: Instruments, job: Job, watcher: Watcher, log: Path, limits: Limits
    ) -> None:
        if not isinstance(job.benchmark.search, MaxBatch):
            raise TypeError("the job does not search for the largest batch")
        self._launcher, self._instruments, self._job = launcher, instruments, job
        self._log, self._limits = log, limits
        self._parameters = job.benchmark.parameters
        first = job.benchmark.card.parameters.model_validate(self._parameters).model_dump()[BATCH_SIZE]
        self._search = BatchSearch(first, job.benchmark.search.limit, lambda size: self._why_not(size) is None)
        self._watcher = TrialsWatcher(watcher, self._search)
        self._trials: list[Trial] = []

    def run(self) -> Outcome:
        """Try sizes until the largest is known; return the outcome. Raises HelperDiedError if a child cannot start."""
        deadline_ns = time.monotonic_ns() + round(self._job.timeout_s * NS_PER_S)
        while (size := self._search.next) is not None:
            left_s = (deadline_ns - time.monotonic_ns()) / NS_PER_S
            if left_s <= 0:
                return self._ended(Outcome(ending=Ending.TIMED_OUT), size)
            trial = self._try(size, left_s)
            self._trials.append(trial)
            if trial.end is TrialEnd.UNDECIDED:
                return self._ended(trial.outcome, size)
            self._search.take(fits=trial.end is TrialEnd.FITS)
        return self._found(self._search.result())

    def _try(self, size: int, left_s: float) -> Trial:
        begin = self._log.stat().st_size if self._log.exists() else 0
        begun_ns = time.monotonic_ns()
        job = trial_job(self._job, size, left_s)
        outcome = Supervisor(self._launcher, self._instruments, job, self._watcher, self._log, self._limits).run()
        took_s = (time.monotonic_ns() - begun_ns) / NS_PER_S
        return judged(size, outcome, took_s, end_of_log(self._log, begin))

    def _why_not(self, size: int) -> str | None:
        return why_not_allowed(self._job.benchmark.card, self._parameters, size)

    def _ended(self, outcome: Outcome, size: int) -> Outcome:
        """Return the outcome of a search that a trial ended: without a result, as half of a search is none."""
        reason = outcome.reason
        if outcome.ending is Ending.TIMED_OUT:
            reason = f"not finished after timeout_s = {self._job.timeout_s:g} s; batch size {size} was being tried"
        elif outcome.stop is None:
            reason = f"while batch size {size} was tried: {reason}"
        return replace(self._outcome(outcome.ending, reason), stop=outcome.stop, exit_code=outcome.exit_code)

    def _found(self, result: BatchResult) -> Outcome:
        if result.largest == 0:
            smallest = min(self._trials, key=lambda trial: trial.batch_size)
            reason = f"not even batch size {smallest.batch_size} fits: {smallest.outcome.reason}"
            return self._outcome(Ending.DOES_NOT_FIT, reason, smallest.peaks)
        best = next(trial for trial in self._trials if trial.batch_size == result.largest)
        reason = self._why_no_larger(result)
        largest = ResultFigure(
            name="max_batch", unit="samples", scope=Scope.PROCESS, value=float(result.largest), method=reason
        )
        peaks = (peak.model_copy(update={"method": f"at batch size {result.largest}"}) for peak in best.peaks)
        return self._outcome(Ending.SUCCEEDED, reason, (largest, *peaks))

    def _why_no_larger(self, result: BatchResult) -> str:
        match result.limited_by:
            case LimitedBy.LIMIT:
                return f"limited by limit ({result.largest}), not by memory"
            case LimitedBy.PARAMETERS:
                why = self._why_not(result.above)
                return f"limited by the workload's parameters, not by memory: batch size {result.above}: {why}"
            case LimitedBy.MEMORY:
                return f"limited by memory: batch size {result.above} does not fit{self._into(result.above)}"

    def _into(self, size: int) -> str:
        limit = next(trial.memory_limit_mib for trial in self._trials if trial.batch_size == size)
        return "" if limit is None else f" into {limit} MiB"

    def _outcome(self, ending: Ending, reason: str | None, figures: tuple[ResultFigure, ...] = ()) -> Outcome:
        environment = {**self._trials[-1].outcome.environment} if self._trials else dict(self._job.facts)
        table = Document.table(TABLE, [trial.row() for trial in self._trials])
        return Outcome(ending=ending, reason=reason, figures=figures, documents=(table,), environment=environment)
