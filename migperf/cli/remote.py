"""Runs of a service as people see them: submitting one, following it to its end, and printing what it came to."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from textwrap import shorten

from rich.console import Console
from rich.text import Text

from migperf.cli.figures import environment_line, measured_line, print_figures
from migperf.cli.options import BenchmarkOptions
from migperf.cli.output import (
    WIDE,
    age,
    as_data,
    emit_json,
    emit_line,
    facts_table,
    moment,
    out,
    remark,
    saying_on_interrupt,
    state_text,
    table,
)
from migperf.cli.parameters import plain
from migperf.cli.profiles import print_profile
from migperf.cli.progress import Reporter, reporter
from migperf.cli.submission import SubmitOptions, request_from
from migperf.cli.taints import how_well, print_taints, standing_of
from migperf.client import (
    Client,
    EndEvent,
    GoneEvent,
    PhaseEvent,
    ProgressEvent,
    RunDeletedError,
    RunEvent,
    RunExperiment,
    RunView,
    StateEvent,
)
from migperf.client.models import BenchmarkView
from migperf.measure.engine import engine_words
from migperf.measure.profiling.summary import SUMMARY_NAME, ProfileSummary
from migperf.statistics.digits import duration
from migperf.store.states import RunState

INTERRUPTED = 130
LONGEST_VALUE = 100
"""Characters of a value that are shown."""
EXIT_STATUS = {RunState.SUCCEEDED: 0, RunState.DOES_NOT_FIT: 3, RunState.DOES_NOT_COMPILE: 6}


def submit_benchmark(
    workload: str | None, asked: BenchmarkOptions, treatment: SubmitOptions, url: str | None, *, as_json: bool
) -> int:
    """Submit a benchmark, print its run, wait if asked to, and return the exit status."""
    request = request_from(workload, asked, treatment)
    with Client(url) as client:
        if "scenario" not in request:
            request["scenario"] = default_scenario(client, request["workload"])
        run = client.submit(request, treatment.idempotency_key)
        if run.replayed:
            remark("this key was used before for the same request; no new run was made")
        if treatment.wait:
            return _wait(client, run, as_json=as_json)
    if as_json:
        emit_json(as_data(run))
    else:
        _print_links(client, run)
    return 0


def default_scenario(client: Client, workload: str) -> str:
    """Return the scenario of a workload that is not told any: offline, else the first that it offers."""
    offered = client.workload(workload).scenarios
    return "offline" if "offline" in offered or not offered else offered[0]


def _wait(client: Client, run: RunView, *, as_json: bool) -> int:
    remark(f"run  {run.id}\npage {client.page_of(run)}")
    with letting_go(run.id), reporter() as shown:
        ended = _follow(client.watch(run.id), shown)
    show_run(client, ended, as_json=as_json)
    return exit_status(ended)


def watch_run(client: Client, run_id: str, *, as_json: bool) -> int:
    """Follow a run to its end, as progress or as JSON lines, and return the exit status."""
    with letting_go(run_id):
        if as_json:
            return exit_status(_relay(client.watch(run_id), run_id))
        with reporter() as shown:
            ended = _follow(client.watch(run_id), shown)
    show_run(client, ended, as_json=False)
    return exit_status(ended)


def _relay(events: Iterable[RunEvent], run_id: str) -> RunView:
    for event in events:
        emit_line({"event": event.event, **as_data(event)})
        if isinstance(event, EndEvent):
            return event.run
    raise RunDeletedError(run_id)


def _follow(events: Iterable[RunEvent], shown: Reporter) -> RunView:
    run_id = ""
    for event in events:
        match event:
            case StateEvent() | PhaseEvent():
                shown.phase(event.name)
            case ProgressEvent():
                shown.phase(event.phase or event.state)
                shown.progress(event.progress or 0.0)
            case EndEvent():
                return event.run
            case GoneEvent():
                run_id = event.run_id
    raise RunDeletedError(run_id)


def letting_go(run_id: str) -> AbstractContextManager[None]:
    """Say on Ctrl-C that only the watching ends, then let it."""
    return saying_on_interrupt(f"the run goes on; `migperf runs cancel {run_id}` ends it")


def exit_status(run: RunView) -> int:
    """Return the exit status that a run which has ended stands for."""
    return EXIT_STATUS.get(run.state, 1)


def show_run(client: Client, run: RunView, *, as_json: bool) -> None:
    """Print a run with its figures."""
    result = client.result(run.id)
    if as_json:
        emit_json({**as_data(run), "simulated": result.simulated, "figures": as_data(result.figures)})
        return
    console = out()
    _print_head(console, client, run)
    if result.figures:
        console.print()
        print_figures(console, result.figures)
        console.print()
    print_taints(console, run.taints)
    for line in _notes(run, simulated=result.simulated):
        console.print(Text(line, "dim"))
    if run.state.is_final:
        _print_documents(console, client, run)


def _print_documents(console: Console, client: Client, run: RunView) -> None:
    """Print which documents the run left behind, and its profile in short."""
    documents = client.artifacts(run.id)
    if documents:
        console.print(Text(f"documents: {', '.join(document.name for document in documents)}", "dim"))
    if any(document.name == SUMMARY_NAME for document in documents):
        print_profile(console, ProfileSummary.model_validate_json(client.artifact(run.id, SUMMARY_NAME)), run.id)


def _print_head(console: Console, client: Client, run: RunView) -> None:
    heading = Text.assemble(
        (run.workload, "bold"), f" · {run.scenario} · ", state_text(run.state), standing_of(run.tainted)
    )
    if run.phase:
        heading.append(f", {run.phase} {100 * (run.progress or 0):.0f} %")
    console.print(heading)
    if run.reason:
        console.print(Text(run.reason))
    console.print(facts_table(_facts(client, run)))


def _facts(client: Client, run: RunView) -> Iterator[tuple[str, str]]:
    yield "run", run.id
    yield "page", client.page_of(run)
    yield "submitted", moment(run.created_at)
    if run.wait:
        yield "waits", run.wait.reason
    if run.started_at:
        yield "started", moment(run.started_at)
    if run.finished_at:
        took = f" (after {duration((run.finished_at - run.started_at).total_seconds())})" if run.started_at else ""
        yield "ended", moment(run.finished_at) + took
    if run.partition:
        p = run.partition
        yield "partition", f"{p.profile or p.kind} of {p.model} on {p.node}"
    if run.experiment:
        yield "experiment", _belonging(run.experiment)
    if run.attempt > 1:
        yield "attempt", f"{run.attempt} ({run.losses} lost, {run.retry_limit} allowed)"
    if run.taint_retries:
        yield "tried again", f"{run.taint_retries} of {run.taint_retry_limit} times, since it was tainted or void"
    if run.labels:
        yield "labels", _labels(run)
    yield from _asked(run.benchmark)


def _asked(benchmark: BenchmarkView) -> Iterator[tuple[str, str]]:
    """Yield what was to be measured, and with what."""
    if benchmark.environment:
        yield "environment", benchmark.environment
    yield "engine", engine_words(benchmark.engine)
    if benchmark.load:
        told = [f"{name}={plain(value)}" for name, value in benchmark.load.items() if value is not None]
        yield "load", ", ".join(shorten(each, LONGEST_VALUE, placeholder=" …") for each in told)
    if benchmark.parameters:
        yield "parameters", ", ".join(f"{name}={plain(value)}" for name, value in benchmark.parameters.items())


def _belonging(e: RunExperiment) -> str:
    """Return what a run belongs to; a repeat has the number that reports give it, from 1."""
    again = f", attempt {e.attempt}" if e.attempt > 1 else ""
    return f"{e.id}, cell {e.cell}, repeat {e.repeat + 1}{again}, {e.role} (member {e.member})"


def _notes(run: RunView, *, simulated: bool) -> Iterator[str]:
    if run.measured:
        yield measured_line(run.measured.window_s, run.measured.warmup_ended_by, run.measured.measuring_ended_by)
        yield from how_well(run.measured)
    if run.environment:
        yield environment_line(run.environment)
    if simulated:
        yield "simulated: no such hardware exists there"


def print_runs(runs: Iterable[RunView]) -> None:
    """Print a listing of runs; a wide terminal shows more of each."""
    console = out()
    wide = console.width >= WIDE
    more = ("Partition", "Took", "Labels") if wide else ()
    made = table("Run", "State", "Workload", "Scenario", "Age", *more, right=("Age", "Took"), whole=("Run", "State"))
    now = datetime.now(UTC)
    for run in runs:
        state = Text.assemble(state_text(run.state), standing_of(run.tainted))
        cells = (run.id, state, run.workload, run.scenario, age(run.created_at, now))
        made.add_row(*cells, *(_more_cells(run) if wide else ()))
    if made.row_count:
        console.print(made)
    else:
        remark("no runs match")


def _more_cells(run: RunView) -> tuple[str, str, str]:
    place = (run.partition.profile or str(run.partition.kind)) if run.partition else "–"
    took = (run.finished_at - run.started_at).total_seconds() if run.finished_at and run.started_at else None
    return place, "–" if took is None else duration(took), _labels(run)


def _labels(run: RunView) -> str:
    return ", ".join(f"{name}={value}" for name, value in run.labels.items())


def _print_links(client: Client, run: RunView) -> None:
    console = out()
    console.print(Text.assemble("run  ", (run.id, "bold"), " ", state_text(run.state)), soft_wrap=True)
    console.print(Text(f"page {client.page_of(run)}"), soft_wrap=True)
