"""A run that did not have its partition to itself is void: it fails, says why, and leaves no figure. Real children."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from migperf.gpus.controller import Controller
from migperf.gpus.driver import Driver
from migperf.gpus.inventory import discover
from migperf.gpus.layout import Layout
from migperf.gpus.partition import Partition
from migperf.gpus.simulation.driver import SimulatedDriver, open_in_memory
from migperf.measure.benchmark import Benchmark
from migperf.measure.hygiene import isolation
from migperf.measure.hygiene.facts import Hygiene
from migperf.measure.job import Job
from migperf.measure.launcher import Launcher
from migperf.measure.outcome import Ending, Outcome, Stop
from migperf.measure.supervisor import Supervisor
from migperf.metrics.instruments import Instruments
from migperf.metrics.series import SeriesUpdate
from tests.gpus.faults import FaultyDriver
from tests.measure.test_supervisor import LIMITS, QUICK, RecordingWatcher, misbehave

LAYOUT = "3g.40gb@4+2g.20gb@0"
STEP = {"workload": "test-step", "parameters": {"step_ms": 4}, "method": {**QUICK, "min_s": 0.4}}


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    with Launcher() as warm:
        warm.wait_until_warm()
        yield warm


@pytest.fixture(autouse=True)
def _quickly_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "SETTLE_S", 0.0)


class PatientWatcher(RecordingWatcher):
    """Lets no run end before what happens meanwhile has happened."""

    def __init__(self) -> None:
        super().__init__()
        self.happened = threading.Event()

    def samples(self, updates: list[SeriesUpdate]) -> None:
        super().samples(updates)
        if self.measuring.is_set():
            assert self.happened.wait(30)


class Stage:
    """A host with a simulated H100 in two instances; runs are on the larger."""

    def __init__(self, launcher: Launcher, folder: Path) -> None:
        self.driver: SimulatedDriver = open_in_memory(["h100-80gb"])
        self.log = folder / "log"
        self._launcher, self._folder = launcher, folder
        self.driver.set_mig_mode(self.driver.device_by_index(0), enabled=True)
        self.cut(LAYOUT)
        self.mine, self.theirs = self._partition("3g.40gb"), self._partition("2g.20gb")

    def _partition(self, profile: str) -> Partition:
        return next(p for p in discover(self.driver).partitions if p.profile == profile)

    def cut(self, *layouts: str) -> None:
        uuid = self.driver.uuid(self.driver.device_by_index(0))
        controller = Controller(driver=self.driver, lock=FileLock(self._folder / "lock"))
        for layout in layouts:
            controller.apply(uuid, Layout.parse(layout))

    def use(self, partition: Partition) -> None:
        self.driver.add_process(4711, "trainer", partition.uuid, 1 << 30)

    def run(
        self,
        meanwhile: Callable[[], object] = lambda: None,
        benchmark: dict[str, object] = STEP,
        driver: Driver | None = None,
        stop: Stop | None = None,
    ) -> Outcome:
        watcher, over = PatientWatcher(), threading.Event()

        def act() -> None:
            watcher.measuring.wait(30)
            if over.is_set():
                return
            meanwhile()
            watcher.stop = stop
            watcher.happened.set()

        benchmark = {"scenario": "single_stream", "method": QUICK, **benchmark}
        job = Job(run_id="test", benchmark=Benchmark.model_validate(benchmark), partition=self.mine, timeout_s=30)
        acting = threading.Thread(target=act)
        acting.start()
        try:
            return Supervisor(self._launcher, Instruments(driver or self.driver), job, watcher, self.log, LIMITS).run()
        finally:
            over.set()
            watcher.measuring.set()
            acting.join()


@pytest.fixture
def stage(launcher: Launcher, tmp_path: Path) -> Stage:
    return Stage(launcher, tmp_path)


def check_void(outcome: Outcome, why: str) -> None:
    assert outcome.ending is Ending.FAILED
    assert outcome.void
    assert str(outcome.reason).startswith("void: ")
    assert why in str(outcome.reason)
    assert outcome.figures == outcome.summaries == outcome.documents == ()
    assert outcome.finished is None
    assert outcome.taints is None
    assert outcome.environment["host"], "what is known of the place stays known"


def test_nothing_begins_where_somebody_else_computes(stage: Stage) -> None:
    stage.use(stage.mine)
    outcome = stage.run()
    check_void(outcome, "process 4711 (trainer)")
    assert outcome.series == ()
    assert not stage.log.exists(), "no child was forked"


def test_nothing_begins_on_an_instance_that_is_gone(stage: Stage) -> None:
    stage.cut("7g.80gb")
    check_void(stage.run(), f"{stage.mine.uuid} is not there; its GPU is cut 7g.80gb@0")


def test_a_process_that_appears_during_the_run_makes_it_void(stage: Stage) -> None:
    outcome = stage.run(lambda: stage.use(stage.mine))
    check_void(outcome, "process 4711 (trainer)")
    assert outcome.series, "what was watched tells what happened"


def test_a_layout_that_changes_under_the_run_makes_it_void(stage: Stage) -> None:
    check_void(stage.run(lambda: stage.cut("empty", LAYOUT)), "cut anew")


def test_what_a_disturbed_run_itself_said_is_not_lost_but_counts_for_nothing(stage: Stage) -> None:
    broken = {**misbehave("out_of_memory", after_steps=100), "method": {**QUICK, "min_steps": 200}}
    outcome = stage.run(lambda: stage.use(stage.mine), benchmark=broken)
    check_void(outcome, "no room")


def test_a_run_that_was_stopped_stays_stopped_whoever_uses_its_partition_then(stage: Stage) -> None:
    benchmark = {**STEP, "method": {**QUICK, "min_s": 60}}
    outcome = stage.run(lambda: stage.use(stage.mine), benchmark=benchmark, stop=Stop.CANCEL)
    assert (outcome.ending, outcome.void) == (Ending.CANCELLED, False)


def test_a_change_of_the_other_instances_and_who_is_on_them_taint_it(stage: Stage) -> None:
    stage.use(stage.theirs)

    def move_on() -> None:
        stage.driver.end_process(4711)
        stage.cut("3g.40gb@4+4x1g.10gb")

    outcome = stage.run(move_on)
    assert outcome.ending is Ending.SUCCEEDED
    assert outcome.figures
    taints = {taint.rule: taint for taint in outcome.taints or ()}
    assert taints["board_recut"].seen.startswith(f"{LAYOUT} before the run")
    assert taints["used_instances"].seen.startswith("1 of the GPU's other instances")


def test_isolation_that_the_driver_does_not_tell_of_is_stored_as_not_checked(stage: Stage) -> None:
    silent = FaultyDriver(stage.driver)
    silent.fail_always("compute_processes", 4)
    stage.use(stage.mine)
    outcome = stage.run(driver=silent)  # type: ignore[arg-type]  # it has the calls of its driver
    assert outcome.ending is Ending.SUCCEEDED, "nobody knows that it was disturbed"
    not_checked = Hygiene.model_validate(outcome.environment["hygiene"]).not_checked
    assert not_checked["isolation"].startswith("isolation not checked: processes: ")
    assert "no permission" in not_checked["isolation"]


def test_isolation_that_was_checked_says_nothing(stage: Stage) -> None:
    outcome = stage.run()
    assert outcome.ending is Ending.SUCCEEDED, outcome.reason
    assert "isolation" not in Hygiene.model_validate(outcome.environment["hygiene"]).not_checked
    assert not {taint.rule for taint in outcome.taints or ()} & {"used_instances", "board_recut"}
