"""Runs of a group begin and end their windows together, or break up together; and only the common window counts."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from migperf.gpus.host_cpu import cpu_partition
from migperf.gpus.shares import divide
from migperf.gpus.sharing import Sharing
from migperf.measure.benchmark import Benchmark
from migperf.measure.company import Company, Stage
from migperf.measure.job import Job
from migperf.measure.launcher import Launcher
from migperf.measure.loops.stopping import AtLeast
from migperf.measure.loops.together import NOT_MEASURED, Together
from migperf.measure.outcome import Ending, Outcome
from migperf.measure.perform import perform_together
from migperf.measure.rendezvous import Rendezvous
from migperf.measure.supervisor import Supervisor
from migperf.metrics.instruments import Instruments
from migperf.metrics.summary import Window
from tests.measure.supervised import LIMITS, QUICK, Onlooker

NS_PER_S = 1_000_000_000


class TestRendezvous:
    """Where supervisors meet."""

    def test_a_stage_opens_for_all_when_the_last_has_reached_it(self) -> None:
        opened: list[tuple[str, Stage]] = []
        meeting = Rendezvous(2)
        meeting.join("a", lambda stage: opened.append(("a", stage)))
        meeting.reach("a", Stage.PREPARED)
        assert not meeting.is_full
        meeting.join("b", lambda stage: opened.append(("b", stage)))
        assert (meeting.is_full, opened) == (True, [])
        meeting.reach("b", Stage.PREPARED)
        assert opened == [("a", Stage.PREPARED), ("b", Stage.PREPARED)]
        meeting.reach("b", Stage.WARM)
        assert len(opened) == 2

    def test_the_common_window_is_what_all_windows_share(self) -> None:
        meeting = Rendezvous(2)
        for run in ("a", "b"):
            meeting.join(run, [].append)
        meeting.measured("a", Window(10, 100))
        assert meeting.common_window() is None
        meeting.measured("b", Window(20, 120))
        assert meeting.common_window() == Window(20, 100)

    def test_the_first_reason_to_break_up_stays(self) -> None:
        meeting = Rendezvous(2)
        meeting.break_up("first", again=True)
        meeting.break_up("second", again=False)
        assert (meeting.broken.reason, meeting.broken.again) == ("first", True)


class Meeting:
    """Opens when the test says so."""

    def __init__(self) -> None:
        self.reached: list[Stage] = []
        self.open = False

    def reach(self, stage: Stage) -> None:
        self.reached.append(stage)

    def is_open(self, stage: Stage) -> bool:
        return self.open


class TestTogether:
    """A rule within a group."""

    def test_a_run_that_is_done_goes_on_until_all_are(self) -> None:
        meeting = Meeting()
        rule = Together(AtLeast(steps=3, s=0, max_s=10), meeting, Stage.WARM)
        assert (rule.ended(2, 0), meeting.reached) == (None, [])
        assert rule.ended(3, 0) is None
        assert rule.ended(4, 0) is None
        assert meeting.reached == [Stage.WARM], "said once"
        meeting.open = True
        assert rule.ended(5, 0).by == "steps_and_time"

    def test_a_neighbour_is_never_what_the_others_wait_for(self) -> None:
        meeting = Meeting()
        rule = Together(None, meeting, Stage.SATISFIED)
        assert rule.ended(0, 0) is None
        assert meeting.reached == [Stage.SATISFIED]
        meeting.open = True
        assert rule.ended(1, 0) is NOT_MEASURED


def together(launcher: Launcher, folder: Path, *benchmarks: dict[str, object]) -> list[Outcome]:
    """Perform these benchmarks as one group that shares this host's cores as the kernel sees fit."""
    meeting = Rendezvous(len(benchmarks))
    shares = divide(cpu_partition(), Sharing(mode="unrestricted"), len(benchmarks))

    def one(number: int) -> Outcome:
        asked = {"workload": "test-step", "scenario": "single_stream", "method": QUICK, **benchmarks[number]}
        job = Job(
            run_id=str(number),
            benchmark=Benchmark.model_validate(asked),
            partition=shares[number],
            timeout_s=60.0,
            company=Company(group="g", members=len(benchmarks), measured=asked.pop("measured", True)),
        )
        supervisor = Supervisor(launcher, Instruments(), job, Onlooker(), folder / f"{number}.log", LIMITS)
        return perform_together(supervisor, job.run_id, meeting)

    with ThreadPoolExecutor(len(benchmarks)) as pool:
        return list(pool.map(one, range(len(benchmarks))))


SHORT = {"method": QUICK | {"min_steps": 20}}
LONG = {"method": QUICK | {"min_steps": 1, "min_s": 1.0}}


@pytest.fixture(scope="module")
def launcher():
    with Launcher() as opened:
        yield opened


def test_windows_of_a_group_are_one_and_a_short_run_goes_on_for_a_long_one(launcher: Launcher, tmp_path: Path) -> None:
    short, long = together(launcher, tmp_path, SHORT, LONG)
    assert (short.ending, long.ending) == (Ending.SUCCEEDED, Ending.SUCCEEDED)
    windows = {(one.finished.window_start_ns, one.finished.window_end_ns) for one in (short, long)}
    assert len(windows) == 1
    start_ns, end_ns = windows.pop()
    assert end_ns - start_ns > 0.9 * NS_PER_S
    timed = next(series for series in short.series if series.metric.name == "latency").chunk
    assert timed.time_ns[0] < start_ns < end_ns - 0.1 * NS_PER_S < timed.time_ns[-1], (
        "it loaded the device all the while"
    )


def test_a_run_that_fails_ends_its_group(launcher: Launcher, tmp_path: Path) -> None:
    failing = {"workload": "test-misbehave", "parameters": {"how": "raise"}}
    failed, left = together(launcher, tmp_path, failing, LONG | {"method": QUICK | {"min_s": 50.0}})
    assert failed.ending is Ending.FAILED
    assert left.ending is Ending.FAILED
    assert left.reason.startswith("void: its group broke up: run 0 ended as failed")
    assert left.figures == ()


@pytest.mark.parametrize("scenario", [{"scenario": "multi_stream", "load": {"streams": 2}}, {"scenario": "train"}])
def test_every_scenario_can_be_measured_in_company(
    launcher: Launcher, tmp_path: Path, scenario: dict[str, object]
) -> None:
    outcomes = together(launcher, tmp_path, scenario, LONG)
    assert [one.ending for one in outcomes] == [Ending.SUCCEEDED] * 2
    assert len({one.finished.window_start_ns for one in outcomes}) == 1
