"""A supervisor survives whatever its child does, says how it ended, and leaves nothing behind. Real processes."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from migperf.gpus.host_cpu import cpu_partition
from migperf.measure.benchmark import Benchmark
from migperf.measure.job import Job
from migperf.measure.launcher import Launcher
from migperf.measure.outcome import Ending, Outcome, Stop
from migperf.measure.phases import Phase
from migperf.measure.supervisor import Standing, Supervisor
from migperf.metrics.instruments import Instruments
from migperf.metrics.series import SeriesUpdate
from tests.measure.supervised import LIMITS, QUICK


class RecordingWatcher:
    """Keeps what it is told, and asks for a stop when it is told to."""

    def __init__(self) -> None:
        self.phases: list[Phase] = []
        self.standings: list[Standing] = []
        self.names: set[str] = set()
        self.samples_seen = 0
        self.stop: Stop | None = None
        self.measuring = threading.Event()

    def entered(self, phase: Phase, at_ns: int) -> None:
        self.phases.append(phase)
        if phase is Phase.MEASURING:
            self.measuring.set()

    def tick(self, standing: Standing) -> Stop | None:
        self.standings.append(standing)
        return self.stop

    def samples(self, updates: list[SeriesUpdate]) -> None:
        self.names |= {update.metric.name for update in updates}
        self.samples_seen += sum(len(update.chunk) for update in updates)


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    with Launcher() as warm:
        yield warm


@pytest.fixture
def watcher() -> RecordingWatcher:
    return RecordingWatcher()


def supervise(
    launcher: Launcher, watcher: RecordingWatcher, log: Path, benchmark: dict[str, object], timeout_s: float = 60.0
) -> Outcome:
    job = Job(
        run_id="test",
        benchmark=Benchmark.model_validate({"scenario": "single_stream", "method": QUICK, **benchmark}),
        partition=cpu_partition(),
        timeout_s=timeout_s,
    )
    return Supervisor(launcher, Instruments(), job, watcher, log, LIMITS).run()


def misbehave(how: str, **parameters: object) -> dict[str, object]:
    return {"workload": "test-misbehave", "parameters": {"how": how, **parameters}}


def test_a_run_goes_through_its_phases_and_yields_figures_that_match_the_payload(
    launcher: Launcher, watcher: RecordingWatcher, tmp_path: Path
) -> None:
    benchmark = {
        "workload": "test-step",
        "parameters": {"step_ms": 4, "samples": 5},
        "method": {**QUICK, "min_steps": 100, "min_s": 0.5},
    }
    outcome = supervise(launcher, watcher, tmp_path / "log", benchmark)
    figures = {figure.name: figure for figure in outcome.figures}
    assert outcome.ending is Ending.SUCCEEDED
    assert watcher.phases == [phase for phase in Phase if phase not in (Phase.SEARCHING, Phase.PROFILING)]
    assert 4 <= figures["latency_p50"].value < 8
    mean = figures["latency_mean"]
    assert mean.interval is None or mean.interval.low <= mean.value <= mean.interval.high, "a busy host may allow none"
    per_step = 5 / (figures["throughput"].value)
    assert per_step >= figures["latency_mean"].value / 1000, "throughput counts the gaps between requests too"
    assert "459" in figures["latency_p99"].absent, "a percentile that the samples cannot support is absent"
    assert figures["peak_rss"].unit == "MiB"
    assert figures["unheard"].absent == "nobody listened"
    assert watcher.names >= {"latency", "cpu", "rss", "sampler_lateness"}
    assert "a sleeping payload, seed 0" in (tmp_path / "log").read_text()
    assert outcome.environment["torch"]
    assert outcome.finished.measuring_ended_by == "steps_and_time"


def test_warm_up_steps_are_timed_but_do_not_count(
    launcher: Launcher, watcher: RecordingWatcher, tmp_path: Path
) -> None:
    benchmark = {"workload": "test-step", "method": {**QUICK, "warmup_steps": 30, "min_steps": 20}}
    outcome = supervise(launcher, watcher, tmp_path / "log", benchmark)
    latency = next(series for series in outcome.series if series.metric.name == "latency")
    mean = next(figure for figure in outcome.figures if figure.name == "latency_mean")
    assert len(latency) == 50
    assert mean.samples == 20


def test_the_result_says_what_a_step_costs_without_counting_it_among_the_steps(
    launcher: Launcher, watcher: RecordingWatcher, tmp_path: Path
) -> None:
    small = {"batch_size": 1, "image_size": 32, "classes": 10}
    method = {**QUICK, "warmup_steps": 0, "min_steps": 2}
    outcome = supervise(
        launcher, watcher, tmp_path / "log", {"workload": "resnet18", "parameters": small, "method": method}
    )
    figures = {figure.name: figure for figure in outcome.figures}
    assert 2 * 37e6 < figures["flops_per_step"].value < 2 * 38e6
    assert figures["least_bytes_per_step"].value < figures["bytes_per_step"].value
    assert figures["latency_mean"].samples == 2
    assert len(next(series for series in outcome.series if series.metric.name == "latency")) == 2


def test_a_payload_with_an_end_runs_to_it_without_warm_up(
    launcher: Launcher, watcher: RecordingWatcher, tmp_path: Path
) -> None:
    benchmark = {"workload": "test-step", "scenario": "train", "parameters": {"total_steps": 37}}
    outcome = supervise(launcher, watcher, tmp_path / "log", benchmark)
    steps = next(figure for figure in outcome.figures if figure.name == "steps_taken")
    assert steps.value == 37
    assert outcome.finished.measuring_ended_by == "completed"
    assert outcome.finished.tables == {"facts": {"steps": 37}}


@pytest.mark.parametrize(
    ("how", "ending", "reason"),
    [
        ("raise", Ending.FAILED, "ValueError: the payload is unwell"),
        ("exit", Ending.FAILED, "exit status 7"),
        ("abort", Ending.FAILED, "SIGABRT"),
        ("segfault", Ending.FAILED, "SIGSEGV"),
        ("killed", Ending.INTERRUPTED, "killed from outside"),
        ("out_of_memory", Ending.DOES_NOT_FIT, "no room"),
        ("torch_out_of_memory", Ending.DOES_NOT_FIT, "allocate"),
        ("chatter", Ending.FAILED, "bytes to its log"),
    ],
)
def test_every_way_to_die_has_its_own_ending(
    launcher: Launcher, watcher: RecordingWatcher, tmp_path: Path, how: str, ending: Ending, reason: str
) -> None:
    outcome = supervise(launcher, watcher, tmp_path / "log", misbehave(how))
    assert (outcome.ending, reason in outcome.reason) == (ending, True), outcome.reason
    assert f"about to {how}" in (tmp_path / "log").read_text()[:500]


def test_memory_that_does_not_suffice_is_reported_with_the_peak(
    launcher: Launcher, watcher: RecordingWatcher, tmp_path: Path
) -> None:
    outcome = supervise(launcher, watcher, tmp_path / "log", misbehave("out_of_memory"))
    assert [figure.name for figure in outcome.figures] == ["peak_rss"]
    assert outcome.figures[0].value > 10


@pytest.mark.parametrize("how", ["hang", "ignore_sigterm"])
def test_a_hanging_child_is_timed_out_even_if_it_ignores_being_asked(
    launcher: Launcher, watcher: RecordingWatcher, tmp_path: Path, how: str
) -> None:
    outcome = supervise(launcher, watcher, tmp_path / "log", misbehave(how), timeout_s=1.0)
    assert outcome.ending is Ending.TIMED_OUT
    assert "timeout_s = 1 s" in outcome.reason
    assert outcome.figures == ()


@pytest.mark.parametrize(("stop", "ending"), [(Stop.CANCEL, Ending.CANCELLED), (Stop.HAND_BACK, Ending.INTERRUPTED)])
def test_a_stop_asked_for_by_the_watcher_ends_the_child(
    launcher: Launcher, watcher: RecordingWatcher, tmp_path: Path, stop: Stop, ending: Ending
) -> None:
    threading.Thread(target=lambda: watcher.measuring.wait(30) and setattr(watcher, "stop", stop)).start()
    begun = time.monotonic()
    outcome = supervise(launcher, watcher, tmp_path / "log", {"workload": "test-step", "method": {"min_s": 60}})
    assert (outcome.ending, outcome.stop) == (ending, stop)
    assert time.monotonic() - begun < 30


def test_children_that_a_payload_leaves_behind_are_killed(
    launcher: Launcher, watcher: RecordingWatcher, tmp_path: Path
) -> None:
    note = tmp_path / "pid"
    outcome = supervise(launcher, watcher, tmp_path / "log", misbehave("leave_child", note=str(note)))
    assert outcome.ending is Ending.SUCCEEDED
    _assert_gone(int(note.read_text()))


def test_the_death_of_the_helper_interrupts_the_run_and_the_next_one_gets_a_new_helper(
    watcher: RecordingWatcher, tmp_path: Path
) -> None:
    others = set(psutil.Process().children())
    with Launcher() as launcher:
        (helper,) = set(psutil.Process().children()) - others
        threading.Thread(target=lambda: watcher.measuring.wait(30) and helper.kill()).start()
        outcome = supervise(launcher, watcher, tmp_path / "log", {"workload": "test-step", "method": {"min_s": 60}})
        assert outcome.ending is Ending.INTERRUPTED
        assert "helper" in outcome.reason
        again = supervise(launcher, RecordingWatcher(), tmp_path / "log", {"workload": "test-step"})
        assert again.ending is Ending.SUCCEEDED


def test_a_run_that_is_cancelled_while_the_helper_warms_up_never_begins(
    watcher: RecordingWatcher, tmp_path: Path
) -> None:
    watcher.stop = Stop.CANCEL
    with Launcher() as cold:
        outcome = supervise(cold, watcher, tmp_path / "log", {"workload": "test-step", "method": {"min_s": 60}})
    assert outcome.ending is Ending.CANCELLED
    assert watcher.phases == []


def test_no_child_outlives_its_worker(tmp_path: Path) -> None:
    """A worker killed by SIGKILL takes its helper and every child with it."""
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from migperf.measure.launcher import Launcher\n"
        "with Launcher() as launcher:\n"
        "    child = launcher.launch(Path(sys.argv[1]), lambda: True)\n"
        "    print(child.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    worker = psutil.Popen([sys.executable, "-c", script, str(tmp_path / "log")], stdout=-1, text=True)
    child_pid = int(worker.stdout.readline())
    (helper,) = worker.children()
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    worker.stdout.close()
    _assert_gone(helper.pid)
    _assert_gone(child_pid)


def test_the_child_leads_a_session_of_its_own_and_dies_first_when_memory_runs_out(
    launcher: Launcher, tmp_path: Path
) -> None:
    child = launcher.launch(tmp_path / "log", lambda: True)
    try:
        deadline = time.monotonic() + 5
        score = Path(f"/proc/{child.pid}/oom_score_adj")
        while score.read_text().strip() != "1000" and time.monotonic() < deadline:
            time.sleep(0.01)
        assert score.read_text().strip() == "1000"
        assert os.getsid(child.pid) == child.pid
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.died()
        child.close()


def _assert_gone(pid: int, within_s: float = 5.0) -> None:
    deadline = time.monotonic() + within_s
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.02)
    assert not psutil.pid_exists(pid), f"process {pid} is still there"
