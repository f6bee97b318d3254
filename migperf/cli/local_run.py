"""Measuring here and now, without a service: the same supervisor and child as a worker's, watched by a terminal."""

import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from rich.text import Text

from migperf.cli.figures import environment_line, measured_line, print_figures
from migperf.cli.output import as_data, emit_json, err, out, remark, state_text
from migperf.cli.places import Places
from migperf.cli.problems import InvalidRequestError, UsageProblem
from migperf.cli.profiles import print_profile, profile_among
from migperf.cli.progress import Reporter, reporter
from migperf.cli.taints import how_well, print_taints, standing_of
from migperf.client.models import MeasuredView, WindowView
from migperf.gpus.drivers import host_inventory, open_driver
from migperf.gpus.partition import Partition
from migperf.gpus.selector import Selector
from migperf.measure.benchmark import Benchmark, Scenario
from migperf.measure.events import Document
from migperf.measure.figures import ResultFigure
from migperf.measure.hygiene.facts import Taint
from migperf.measure.job import Job
from migperf.measure.launcher import Launcher
from migperf.measure.outcome import Ending, Outcome, Stop
from migperf.measure.perform import perform
from migperf.measure.phases import Phase
from migperf.measure.profiling.summary import ProfileSummary
from migperf.measure.supervisor import Limits, Standing
from migperf.metrics.instruments import Instruments, node_instruments
from migperf.metrics.series import Gap, Series, SeriesUpdate
from migperf.settings import Settings, load_settings
from migperf.software_environment import DEFAULT, SoftwareEnvironment
from migperf.store.requests import RunRequest
from workloads.base import Task
from workloads.registry import catalogue

NS_PER_S = 1_000_000_000
LOG_TAIL_LINES = 12
LIMITS = Limits(tick_s=0.25, samples_every_s=3600.0)
"""Nobody takes samples before the end, and every tick costs the processor that may be measured."""
EXIT_STATUS = {
    Ending.SUCCEEDED: 0,
    Ending.DOES_NOT_FIT: 3,
    Ending.DOES_NOT_COMPILE: 6,
    Ending.CANCELLED: 130,
}


class RawGap(BaseModel):
    """A time without values, seconds since the run started; ``end_s`` None: until the end."""

    model_config = ConfigDict(frozen=True)

    start_s: float
    end_s: float | None
    state: str
    reason: str


class RawSeries(BaseModel):
    """A series as it was read: times in seconds since the run started, and values in ``unit``."""

    model_config = ConfigDict(frozen=True)

    name: str
    unit: str
    scope: str
    source: str
    kind: str
    absent: str | None
    time_s: tuple[float, ...]
    value: tuple[float, ...]
    gaps: tuple[RawGap, ...]


class LocalRun(BaseModel):
    """A run that was measured here; its fields are named as the service names them."""

    model_config = ConfigDict(frozen=True)

    state: Ending
    reason: str | None
    workload: str
    scenario: Scenario
    fingerprint: str
    benchmark: Benchmark
    partition: Partition
    simulated: bool
    started_at: datetime
    finished_at: datetime
    measured: MeasuredView | None
    tainted: bool | None
    taints: tuple[Taint, ...] | None
    environment: dict[str, JsonValue]
    figures: tuple[ResultFigure, ...]


class SavedRun(LocalRun):
    """A run with its raw series, for a file; ``window`` is what was measured, warm-up lies before it."""

    window: WindowView | None
    series: tuple[RawSeries, ...]


def measure_here(workload: str, given: Mapping[str, Any], places: Places, *, as_json: bool) -> int:
    """Measure a benchmark on this host, print what came out, and return the exit status."""
    request = validated(workload, given)
    if request.layout is not None:
        raise UsageProblem("layout: a run here and now does not cut GPUs; `migperf mig apply` does, or submit the run")
    partition = choose_partition(request.where, load_settings())
    places.prepare(profile=request.profile)
    with TemporaryDirectory(prefix="migperf-") as folder:
        log = Path(folder) / "child.log"
        log.touch()
        try:
            run, documents = _measure(request, partition, log)
        except KeyboardInterrupt:
            remark("interrupted; the run was not waited for")
            raise
        try:
            # Before anything is printed: a pipe that is closed early must not cost the measurement.
            places.write(run.model_dump_json(indent=2), documents)
        finally:
            _show(run, profile_among(documents), log, as_json=as_json)
    return EXIT_STATUS.get(run.state, 1)


def validated(workload: str, given: Mapping[str, Any]) -> RunRequest:
    """Return the request that the options describe. Raises InvalidRequestError."""
    try:
        return RunRequest.model_validate({"scenario": default_scenario(workload), **given, "workload": workload})
    except ValidationError as error:
        raise InvalidRequestError.of(error, workload) from error


def default_scenario(workload: str) -> Scenario:
    """Return the scenario of a workload that is not told any: offline, or train where it only trains."""
    card = catalogue().get(workload)
    return Scenario.TRAIN if card is not None and Task.INFERENCE not in card.tasks else Scenario.OFFLINE


def choose_partition(where: Selector, settings: Settings) -> Partition:
    """Return the first partition of this host that meets the conditions. Raises UsageProblem."""
    here, node = host_inventory(settings).partitions, settings.node_name
    for partition in here:
        if where.matches(partition, node):
            return partition
    wanted = ", ".join(f"{name}={value}" for name, value in where.model_dump(exclude_none=True).items())
    offered = "; ".join(f"kind={p.kind} ({p.model}, {p.uuid})" for p in here)
    raise UsageProblem(f"no partition of this host ({node}) meets {wanted}; it has {offered}")


class Interrupts:
    """Ctrl-C while a run is under way: the first asks the run to end, another ends this program at once.

    Ctrl-C is ignored until ``heed`` is called, and so by the processes started until then: a terminal sends it to all
    of them, but only this one decides what becomes of it. They end when this process lets go of them.
    """

    def __init__(self) -> None:
        self.count = 0
        self._previous: Any = signal.SIG_DFL

    def __enter__(self) -> Self:
        self._previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._previous)

    def heed(self) -> None:
        """Take note of Ctrl-C from now on."""
        signal.signal(signal.SIGINT, self._interrupted)

    def _interrupted(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 1:
            raise KeyboardInterrupt


class TerminalWatcher:
    """Shows a run's progress, and stops it when the user interrupts."""

    def __init__(self, shown: Reporter, interrupts: Interrupts) -> None:
        self._shown = shown
        self._interrupts = interrupts

    def entered(self, phase: Phase, at_ns: int) -> None:  # noqa: ARG002 - a terminal shows its own clock
        """See Watcher."""
        self._shown.phase(phase)

    def tick(self, standing: Standing) -> Stop | None:
        """See Watcher."""
        self._shown.progress(standing.fraction, standing.note or (f"{standing.steps} steps" if standing.steps else ""))
        return Stop.CANCEL if self._interrupts.count else None

    def samples(self, updates: list[SeriesUpdate]) -> None:
        """See Watcher. The outcome holds every sample again, so nothing needs to be kept on the way."""


def _measure(request: RunRequest, partition: Partition, log: Path) -> tuple[SavedRun, tuple[Document, ...]]:
    benchmark = request.benchmark()
    settings = load_settings()
    job = Job(run_id="local", benchmark=benchmark, partition=partition, timeout_s=request.timeout_s)
    environment = _software_environment(benchmark.environment, settings)
    with (
        Interrupts() as interrupts,
        reporter() as shown,
        Launcher(environment) as launcher,
        _instruments(settings) as instruments,
    ):
        interrupts.heed()
        shown.phase(Phase.STARTING)
        launcher.wait_until_warm()
        started_at, started_ns = datetime.now(UTC), time.monotonic_ns()
        outcome = perform(launcher, instruments, job, TerminalWatcher(shown, interrupts), log, LIMITS)
    window = _window(outcome, started_ns)
    run = SavedRun(
        state=outcome.ending,
        reason=outcome.reason,
        workload=benchmark.workload,
        scenario=benchmark.scenario,
        fingerprint=benchmark.fingerprint(),
        benchmark=benchmark,
        partition=partition,
        simulated=partition.simulated,
        started_at=started_at,
        finished_at=datetime.now(UTC),
        measured=_measured(outcome, window),
        tainted=None if outcome.taints is None else bool(outcome.taints),
        taints=outcome.taints,
        environment=outcome.environment,
        figures=outcome.figures,
        window=window,
        series=tuple(_raw(series, started_ns) for series in outcome.series),
    )
    return run, outcome.left_behind()


def _software_environment(name: str | None, settings: Settings) -> SoftwareEnvironment | None:
    """Return the environment of that name; None is what this command runs in. Raises UsageProblem."""
    if name is None:
        return None
    if name not in settings.environments:
        known = ", ".join((DEFAULT, *settings.environments))
        raise UsageProblem(f"no software environment of this host is called {name!r}; there are: {known}")
    return settings.environments[name]


@contextmanager
def _instruments(settings: Settings) -> Iterator[Instruments]:
    """What a run here is watched with; the driver is open for as long."""
    driver = open_driver(settings)
    try:
        yield node_instruments(settings, driver)
    finally:
        if driver is not None:
            driver.close()


def _window(outcome: Outcome, started_ns: int) -> WindowView | None:
    if outcome.finished is None:
        return None
    start_ns, end_ns = outcome.finished.window_start_ns, outcome.finished.window_end_ns
    return WindowView(start_s=(start_ns - started_ns) / NS_PER_S, end_s=(end_ns - started_ns) / NS_PER_S)


def _measured(outcome: Outcome, window: WindowView | None) -> MeasuredView | None:
    if outcome.finished is None or window is None:
        return None
    return MeasuredView(
        window_s=window.end_s - window.start_s,
        warmup_ended_by=outcome.finished.warmup_ended_by,
        warmup_note=outcome.finished.warmup_note,
        measuring_ended_by=outcome.finished.measuring_ended_by,
        measuring_note=outcome.finished.measuring_note,
        converged=outcome.finished.converged,
    )


def _raw(series: Series, started_ns: int) -> RawSeries:
    chunk, absence = series.chunk, series.absence
    return RawSeries(
        name=series.metric.name,
        unit=series.metric.unit,
        scope=series.metric.scope,
        source=series.metric.source,
        kind=series.metric.kind,
        absent=absence.reason if absence else None,
        time_s=tuple(((chunk.time_ns - started_ns) / NS_PER_S).tolist()),
        value=tuple(chunk.value.tolist()),
        gaps=tuple(_raw_gap(gap, started_ns) for gap in series.gaps),
    )


def _raw_gap(gap: Gap, started_ns: int) -> RawGap:
    return RawGap(
        start_s=(gap.start_ns - started_ns) / NS_PER_S,
        end_s=None if gap.end_ns is None else (gap.end_ns - started_ns) / NS_PER_S,
        state=gap.absence.state,
        reason=gap.absence.reason,
    )


def _show(run: SavedRun, profile: ProfileSummary | None, log: Path, *, as_json: bool) -> None:
    if as_json:
        emit_json(as_data(LocalRun.model_validate(run.model_dump(include=set(LocalRun.model_fields)))))
    else:
        print_run(run)
        if profile is not None:
            print_profile(out(), profile)
    if run.state in (Ending.FAILED, Ending.DOES_NOT_COMPILE):
        _show_log(log)


def print_run(run: LocalRun) -> None:
    """Print a run for people."""
    console = out()
    place = run.partition.profile or run.partition.kind
    engine = "" if run.benchmark.engine.is_reference else f" · {run.benchmark.engine.in_words()}"
    what = f" · {run.scenario}{engine} · {place} · "
    heading = Text.assemble((run.workload, "bold"), what, state_text(run.state), standing_of(run.tainted))
    console.print(heading)
    if run.reason:
        console.print(Text(run.reason))
    if run.figures:
        console.print()
        print_figures(console, run.figures)
        console.print()
    print_taints(console, run.taints)
    for line in _notes(run):
        console.print(Text(line, "dim"))


def _notes(run: LocalRun) -> Iterable[str]:
    if run.measured is not None:
        m = run.measured
        yield measured_line(m.window_s, m.warmup_ended_by, m.measuring_ended_by)
        yield from how_well(m)
    yield environment_line(run.environment)
    if run.simulated:
        yield "simulated: no such hardware exists here"


def _show_log(log: Path) -> None:
    lines = log.read_text(errors="replace").splitlines()
    if lines:
        remark(f"The last lines that the child wrote ({len(lines)} in all):")
    for line in lines[-LOG_TAIL_LINES:]:
        err().print(Text(f"  {line}", "dim"), soft_wrap=True)
