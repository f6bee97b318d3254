"""Checking for regressions: benchmarks run anew, by turns, and compared with a baseline that is stored.

A loop of the client, as ``confirmation`` is; the service knows only the runs, which have the label ``check``. One run
is under way at a time, so that a check never disturbs what it measures.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from migperf.client.cancelling import cancelling
from migperf.client.check_judging import compared, no_longer_fits, not_compared
from migperf.client.check_models import Check, CheckedBenchmark, CheckPlan
from migperf.client.check_tasks import CheckTask, tasks
from migperf.client.client import Client
from migperf.client.errors import MigperfClientError, RequestRefusedError, RunDeletedError, WaitTimeoutError
from migperf.client.models import RunView
from migperf.store.states import RunState


class CheckWatching(Protocol):
    """Is told what happens, to show it."""

    def planned(self, tasks: tuple[CheckTask, ...]) -> None:
        """So much will be run."""
        ...

    def began(self, task: CheckTask, repeat: int, run: RunView) -> None:
        """A repeat, from 1, of a benchmark was submitted."""
        ...


@dataclass(slots=True)
class _Course:
    """How far a benchmark has come. ``ended`` is what it came to if there is no more to be run."""

    task: CheckTask
    runs: list[RunView] = field(default_factory=list)
    took_s: float = 0.0
    ended: CheckedBenchmark | None = None


class _Stop(Exception):  # noqa: N818 - no error, an end
    """A benchmark is not run any more; the message says why."""


class Checker:
    """Runs benchmarks and holds them against their baseline. Use once.

    Whatever ends it early (Ctrl-C, time, a service that is gone) cancels the run under way, and what was known by then
    is returned.
    """

    def __init__(
        self,
        client: Client,
        plan: CheckPlan,
        watching: CheckWatching | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._plan = plan
        self._watching = watching
        self._clock_s = clock_s
        self._label = str(uuid.uuid4())
        self._courses: tuple[_Course, ...] = ()
        self._begun_s = 0.0

    def run(self) -> Check:
        """Run everything, and return what it came to, whatever happens."""
        self._begun_s = self._clock_s()
        try:
            self._measure_all()
            return self._check(tuple(self._judged(course) for course in self._courses))
        except MigperfClientError as error:
            return self._check(self._known(f"the check ended early: {error}"), problem=str(error))
        except KeyboardInterrupt:
            why = "interrupted; the run under way was cancelled"
            return self._check(self._known(why), problem=why, interrupted=True)

    def _measure_all(self) -> None:
        """Make repeat 1 of every benchmark, then repeat 2: what drifts slowly touches all of them."""
        found = tasks(self._client, self._plan, self._label)
        self._courses = tuple(_Course(task) for task in found)
        if self._watching:
            self._watching.planned(found)
        for course in self._courses:
            if course.task.why_not is not None:
                course.ended = not_compared(course.task, course.task.why_not)
        for repeat in range(1, self._plan.repeats + 1):
            for number, course in enumerate(self._courses):
                if course.ended is None:
                    self._measure(course, repeat, f"{self._label}-{number}-{repeat}")

    def _measure(self, course: _Course, repeat: int, key: str) -> None:
        """Make one run of a benchmark, and end the benchmark if the run does not succeed."""
        begun_s = self._clock_s()
        try:
            run = self._made(course, repeat, key)
        except (_Stop, RequestRefusedError, RunDeletedError) as stop:
            course.took_s += self._clock_s() - begun_s
            course.ended = not_compared(course.task, str(stop), course.runs, course.took_s)
            return
        course.took_s += self._clock_s() - begun_s
        course.runs.append(run)
        if run.state is RunState.DOES_NOT_FIT:
            course.ended = no_longer_fits(course.task, run, course.runs, course.took_s)
        elif run.state is not RunState.SUCCEEDED:
            told = f": {run.reason}" if run.reason else ""
            why = f"run {run.id} ended as {run.state}{told}"
            course.ended = not_compared(course.task, why, course.runs, course.took_s)

    def _made(self, course: _Course, repeat: int, key: str) -> RunView:
        """Return a run that has ended. Raises _Stop."""
        task, left_s = course.task, self._plan.timeout_s - (self._clock_s() - self._begun_s)
        if left_s <= 0:
            raise self._time_over(course)
        try:
            with cancelling(self._client, task.request, key):
                run = self._client.submit(task.request, idempotency_key=key)
                if run.fingerprint != task.fingerprint:
                    raise _Stop(
                        "the service reads the baseline's benchmark as another one by now: it was measured by another "
                        "version; measure a new baseline"
                    )
                if self._watching:
                    self._watching.began(task, repeat, run)
                return self._client.wait(run.id, left_s)
        except WaitTimeoutError:
            raise self._time_over(course) from None

    def _time_over(self, course: _Course) -> _Stop:
        done = f"{len(course.runs)} of {self._plan.repeats} runs had ended"
        return _Stop(f"{done} when the {self._plan.timeout_s:g} s for all were over; allow more, or ask for fewer")

    def _judged(self, course: _Course) -> CheckedBenchmark:
        if course.ended is None:
            course.ended = compared(self._client, self._plan, course.task, course.runs, course.took_s)
        return course.ended

    def _known(self, why: str) -> tuple[CheckedBenchmark, ...]:
        """Return what is known when there is no asking the service any more."""
        return tuple(
            course.ended or not_compared(course.task, why, course.runs, course.took_s) for course in self._courses
        )

    def _check(
        self, benchmarks: tuple[CheckedBenchmark, ...], problem: str | None = None, interrupted: bool = False
    ) -> Check:
        return Check(
            reference=self._plan.reference,
            margin=self._plan.margin,
            level=self._plan.level,
            label=self._label,
            benchmarks=benchmarks,
            problem=problem,
            interrupted=interrupted,
            took_s=self._clock_s() - self._begun_s,
        )
