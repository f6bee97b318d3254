"""Supervises one child: launches it, watches it from outside, stops it when asked, and says how it ended."""

import os
import signal
import time
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from socket import socket
from typing import Protocol

from pydantic import JsonValue, ValidationError

from migperf.gpus.partition import PartitionKind
from migperf.measure.allocator import AllocatorLog
from migperf.measure.company import Stage
from migperf.measure.environment import host_facts
from migperf.measure.events import (
    AllocatorState,
    Document,
    DoesNotCompile,
    DoesNotFit,
    Environment,
    Event,
    Failed,
    Finished,
    PhaseStarted,
    Progress,
    Reached,
    Timings,
    decode,
)
from migperf.measure.figures import ResultFigure
from migperf.measure.helper import Died
from migperf.measure.hygiene.examination import examine, voided
from migperf.measure.hygiene.isolation import Isolation
from migperf.measure.job import Job
from migperf.measure.launcher import Child, Launcher
from migperf.measure.out_of_memory import oom_kills
from migperf.measure.outcome import Ending, Outcome, Stop
from migperf.measure.phases import Phase
from migperf.measure.profiling.summary import with_reason
from migperf.measure.rendezvous import Rendezvous
from migperf.measure.summary import measured_window, summarise
from migperf.measure.timing_log import TimingLog
from migperf.metrics import catalogue
from migperf.metrics.instruments import Instruments, RunWatch
from migperf.metrics.series import Series, SeriesUpdate
from migperf.metrics.summary import summaries
from migperf.software_environment import DEFAULT

NS_PER_S = 1_000_000_000
COMPANY_POLL_S = 0.05
UNKILLABLE_S = 20.0
"""A process that outlives SIGKILL for so long is stuck in the kernel; the run ends without it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run stands: its phase, how far that has come (0 to 1), the steps taken in it, and a word about them."""

    phase: Phase
    fraction: float
    steps: int
    note: str | None = None


class Watcher(Protocol):
    """Whoever wants to know what a run does, and may stop it."""

    def entered(self, phase: Phase, at_ns: int) -> None:
        """A phase began, CLOCK_MONOTONIC, ns."""
        ...

    def tick(self, standing: Standing) -> Stop | None:
        """Called every ``tick_s``; returns why the run must stop, or None."""
        ...

    def samples(self, updates: list[SeriesUpdate]) -> None:
        """What has come to the run's series since the last time: samples and gaps."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How a supervisor treats its child. Times in seconds."""

    tick_s: float = 1.0
    samples_every_s: float = 2.0
    kill_grace_s: float = 2.0
    log_bytes: int = 64 << 20


class Supervisor:
    """Performs one job in a child process. Use once: ``Supervisor(...).run()``."""

    def __init__(
        self, launcher: Launcher, instruments: Instruments, job: Job, watcher: Watcher, log: Path, limits: Limits
    ) -> None:
        self._launcher = launcher
        self._instruments = instruments
        self._job = job
        self._watcher = watcher
        self._log = log
        self._limits = limits
        self._rendezvous: Rendezvous | None = None
        self._standing = Standing(Phase.STARTING, 0.0, 0)
        self._timings = TimingLog(job.benchmark.scenario)
        self._allocator = AllocatorLog()
        self._environment: dict[str, JsonValue] = {}
        self._documents: list[Document] = []
        self._last_word: Finished | DoesNotFit | DoesNotCompile | Failed | None = None
        self._verdict: tuple[Ending, str, Stop | None] | None = None
        self._kill_at_ns: int | None = None
        self._give_up_at_ns: int | None = None
        self._deadline_ns = 0

    def run(self, rendezvous: Rendezvous | None = None) -> Outcome:
        """Launch the child, follow it to its end and return the outcome.

        Raises HelperDiedError if it cannot start, and UnfitHelperError if it never can.
        ``rendezvous`` is where it meets the supervisors of its group; None where the job is done alone.
        """
        self._rendezvous = rendezvous
        self._environment |= host_facts() | self._job.facts
        self._environment["software_environment"] = self._job.benchmark.environment or DEFAULT
        isolation = Isolation(self._instruments.driver, self._job.partition)
        if (found := isolation.before()).void is not None:
            return voided(Outcome(ending=Ending.FAILED, environment=self._environment), found)
        oom_before = oom_kills()
        child = self._launcher.launch(self._log, self._still_wanted)
        if child is None:
            return self._never_begun()
        pidfd = os.pidfd_open(child.pid)
        watch = self._watch(child)
        try:
            self._hand_over(child)
            died = self._follow(child, pidfd, watch)
            companions = self._wait_for_company(watch)
        finally:
            _signal(pidfd, signal.SIGKILL)  # still alive only if something went wrong here
            watch.close()
            os.close(pidfd)
            child.close()
        self._watcher.samples(self._updates(watch))
        return examine(self._outcome(died, self._all_series(watch), oom_before), self._job, isolation, companions)

    def _watch(self, child: Child) -> RunWatch:
        method = self._job.benchmark.method
        return self._instruments.watch(
            child.pid, self._job.partition.whole, method.sample_hz, estimate_power=method.estimate_power
        )

    def _still_wanted(self) -> bool:
        """Keep the lease while a cold helper warms up; False when the run is to end before it has begun."""
        self._heed(self._watcher.tick(self._standing))
        return self._verdict is None

    def _never_begun(self) -> Outcome:
        ending, reason, stop = self._verdict or (Ending.INTERRUPTED, "never begun", None)
        return Outcome(ending=ending, reason=reason, stop=stop, environment=self._environment)

    def _hand_over(self, child: Child) -> None:
        try:
            child.events.send_bytes(self._job.model_dump_json().encode())
        except OSError:
            # It died before it could read; how, its fate tells.
            return
        if self._rendezvous is not None:
            self._rendezvous.join(self._job.run_id, partial(_open_gate, child.events))

    def _follow(self, child: Child, pidfd: int, watch: RunWatch) -> Died | None:
        """Read events and keep the limits until the child has ended; None if nobody knows how it did."""
        self._deadline_ns = time.monotonic_ns() + round(self._job.timeout_s * NS_PER_S)
        tick_ns = round(self._limits.tick_s * NS_PER_S)
        next_tick_ns, next_samples_ns = time.monotonic_ns(), time.monotonic_ns()
        listening: list[Connection | socket] = [child.events, child.fate]
        while True:
            until_tick_s = (next_tick_ns - time.monotonic_ns()) / NS_PER_S
            ready = wait(listening, timeout=max(0.0, until_tick_s))
            if child.fate in ready:
                self._read_the_rest(child)
                return child.died()
            if child.events in ready and not self._read_event(child):
                listening.remove(child.events)
            now_ns = time.monotonic_ns()
            if now_ns < next_tick_ns:
                continue
            next_tick_ns = now_ns + tick_ns
            if now_ns >= next_samples_ns:
                self._watcher.samples(self._updates(watch))
                next_samples_ns = now_ns + round(self._limits.samples_every_s * NS_PER_S)
            self._keep_limits(now_ns)
            if not self._carry_out_kill(now_ns, pidfd):
                return None

    def _read_event(self, child: Child) -> bool:
        """Take one event in; False when there will be no more."""
        try:
            self._take(decode(child.events.recv_bytes()))
        except (EOFError, OSError):
            return False
        except ValidationError as error:
            self._condemn(Ending.FAILED, f"the child sent what is no event: {error.errors()[0]['msg']}")
            return False
        return True

    def _read_the_rest(self, child: Child) -> None:
        """Take in what a child that has ended had still sent; its last word is there."""
        try:
            while child.events.poll() and self._read_event(child):
                continue
        except OSError:
            return

    def _take(self, event: Event) -> None:
        match event:
            case PhaseStarted():
                self._standing = Standing(event.phase, 0.0, 0)
                self._watcher.entered(event.phase, event.at_ns)
            case Progress():
                self._standing = Standing(self._standing.phase, event.fraction, event.steps)
            case Reached():
                if self._rendezvous is not None:
                    self._rendezvous.reach(self._job.run_id, event.stage)
            case Timings():
                self._timings.add(event)
            case AllocatorState():
                self._allocator.add(event)
            case Environment():
                self._environment |= event.facts
            case Document():
                self._documents.append(event)
            case _:
                self._last_word = event

    def _updates(self, watch: RunWatch) -> list[SeriesUpdate]:
        return [*self._timings.take(), *watch.take(), *self._allocator.take()]

    def _all_series(self, watch: RunWatch) -> tuple[Series, ...]:
        return (*self._timings.series(), *watch.series(), *self._allocator.series())

    def _keep_limits(self, now_ns: int) -> None:
        if self._verdict is not None:
            return
        self._heed(self._watcher.tick(self._standing))
        self._heed_company()
        if self._verdict is None and now_ns >= self._deadline_ns:
            reason = f"not finished after timeout_s = {self._job.timeout_s:g} s, in phase {self._standing.phase}"
            self._condemn(Ending.TIMED_OUT, reason)
        if self._verdict is None and self._log.stat().st_size > self._limits.log_bytes:
            self._condemn(Ending.FAILED, f"wrote more than {self._limits.log_bytes} bytes to its log")

    def _heed(self, stop: Stop | None) -> None:
        if stop is Stop.CANCEL:
            self._condemn(Ending.CANCELLED, "cancelled on request", stop)
        elif stop is not None:
            self._condemn(Ending.INTERRUPTED, f"stopped: {stop}", stop)

    def _heed_company(self) -> None:
        broken = None if self._rendezvous is None else self._rendezvous.broken
        if broken is not None and self._verdict is None:
            ending = Ending.INTERRUPTED if broken.again else Ending.FAILED
            self._condemn(ending, f"void: its group broke up: {broken.reason}", Stop.LEFT_ALONE)

    def _wait_for_company(self, watch: RunWatch) -> tuple[Series, ...]:
        """Tell the group when this run measured, and learn when all of them did: only that time counts.

        Returns the processor time that the others' process trees used, as they were watched.
        """
        if self._rendezvous is None or not isinstance(self._last_word, Finished):
            return ()
        cpu = (series for series in watch.series() if series.metric.name == catalogue.CPU.name)
        self._rendezvous.measured(self._job.run_id, measured_window(self._last_word), cpu)
        while (common := self._rendezvous.common_window()) is None and self._verdict is None:
            self._keep_limits(time.monotonic_ns())
            time.sleep(min(COMPANY_POLL_S, self._limits.tick_s))
        if common is not None and common.end_ns <= common.start_ns:
            self._condemn(Ending.FAILED, "the runs of its group were never measuring at the same time", Stop.LEFT_ALONE)
        elif common is not None:
            window = {"window_start_ns": common.start_ns, "window_end_ns": common.end_ns}
            self._last_word = self._last_word.model_copy(update=window)
        return self._rendezvous.companions(self._job.run_id)

    def _condemn(self, ending: Ending, reason: str, stop: Stop | None = None) -> None:
        self._verdict = (ending, reason, stop)

    def _carry_out_kill(self, now_ns: int, pidfd: int) -> bool:
        """Ask a condemned child to end, later make it; False when even that did not help."""
        if self._verdict is None:
            return True
        if self._kill_at_ns is None:
            self._kill_at_ns = now_ns + round(self._limits.kill_grace_s * NS_PER_S)
            _signal(pidfd, signal.SIGTERM)
        elif now_ns >= self._kill_at_ns:
            _signal(pidfd, signal.SIGKILL)
            self._give_up_at_ns = self._give_up_at_ns or now_ns + round(UNKILLABLE_S * NS_PER_S)
        return self._give_up_at_ns is None or now_ns < self._give_up_at_ns

    def _outcome(self, died: Died | None, series: tuple[Series, ...], oom_before: int) -> Outcome:
        ending, reason, stop = self._ending(died, oom_before)
        finished = self._last_word if isinstance(self._last_word, Finished) else None
        figures = self._figures(finished, series) if finished else ()
        if isinstance(self._last_word, DoesNotFit):
            figures = self._last_word.figures
        return Outcome(
            ending=ending,
            reason=reason,
            stop=stop,
            figures=figures if ending in (Ending.SUCCEEDED, Ending.DOES_NOT_FIT) else (),
            finished=finished,
            documents=self._all_documents(died, finished),
            environment=self._environment,
            series=series,
            summaries=summaries(series, measured_window(finished)) if finished else (),
            exit_code=died.exit_code if died else None,
        )

    def _figures(self, finished: Finished, series: tuple[Series, ...]) -> tuple[ResultFigure, ...]:
        whole_board = self._job.partition.kind is PartitionKind.GPU
        return summarise(self._job.benchmark, finished, series, whole_board=whole_board)

    def _all_documents(self, died: Died | None, finished: Finished | None) -> tuple[Document, ...]:
        """Return what the child left behind; of a profile that it did not get to the end of, the reason."""
        if finished is None or not self._job.benchmark.profile:
            return tuple(self._documents)
        return with_reason(self._documents, self._verdict[1] if self._verdict else _describe_death(died))

    def _ending(self, died: Died | None, oom_before: int) -> tuple[Ending, str | None, Stop | None]:
        """Say how the run ended. What its child did after it had measured to its end does not spoil the result."""
        if self._verdict is None or (isinstance(self._last_word, Finished) and self._verdict[2] is None):
            return self._judge(died, oom_before)
        return self._verdict

    def _judge(self, died: Died | None, oom_before: int) -> tuple[Ending, str | None, Stop | None]:
        """Say how a child ended that nobody stopped."""
        match self._last_word:
            case Finished():
                return Ending.SUCCEEDED, None, None
            case DoesNotFit():
                return Ending.DOES_NOT_FIT, self._last_word.message, None
            case DoesNotCompile():
                return Ending.DOES_NOT_COMPILE, self._last_word.message, None
            case Failed():
                return Ending.FAILED, f"{self._last_word.error}: {self._last_word.message}", None
        if died is None:
            return Ending.INTERRUPTED, "the warm helper died, and the child with it", None
        return *_judge_silent(died, oom_kills() > oom_before), None


def _judge_silent(died: Died, memory_ran_out: bool) -> tuple[Ending, str]:
    """Say how a child ended that left no last word and that nobody stopped."""
    if died.exit_code != -signal.SIGKILL:
        return Ending.FAILED, f"the child ended without a result: {_describe_exit(died.exit_code)}"
    if memory_ran_out:
        reason = f"killed by the kernel for memory; its resident set had reached {died.peak_rss_mib:.0f} MiB"
        return Ending.DOES_NOT_FIT, reason
    return Ending.INTERRUPTED, "the child was killed from outside (SIGKILL)"


def _describe_death(died: Died | None) -> str:
    if died is None:
        return "the child died while it profiled, and its helper with it"
    return f"the child ended while it profiled: {_describe_exit(died.exit_code)}"


def _open_gate(events: Connection, stage: Stage) -> None:
    try:
        events.send_bytes(stage.encode())
    except OSError:
        # The child has died; its own supervisor breaks the group up.
        return


def _signal(pidfd: int, number: signal.Signals) -> None:
    try:
        signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        return


def _describe_exit(exit_code: int) -> str:
    if exit_code >= 0:
        return f"exit status {exit_code}"
    return f"signal {signal.Signals(-exit_code).name}"
