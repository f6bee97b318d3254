"""Streams are entered one by one; green ones have multiprocessors of their own, or say why not."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from migperf.gpus.cuda_driver import GreenSplit, GreenStream
from migperf.gpus.shares import divide
from migperf.gpus.sharing import Sharing
from migperf.measure.benchmark import Benchmark
from migperf.measure.engines.errors import EngineUnavailableError
from migperf.measure.green_streams import green_facts, streams_of
from migperf.measure.job import Job
from migperf.measure.launcher import Launcher
from migperf.measure.loops.streams import run_streams
from migperf.measure.outcome import Ending, Outcome
from migperf.measure.sharing_facts import SharedOtherwiseError, require_mode
from migperf.measure.supervisor import Supervisor
from migperf.metrics.instruments import Instruments
from tests.gpus.mps.host import gpu, shares
from tests.measure.supervised import LIMITS, QUICK, Onlooker


class Contexts:
    """Notes which thread was in which of them while it worked."""

    def __init__(self) -> None:
        self.now = threading.local()
        self.seen: list[int] = []

    @contextmanager
    def enter(self, number: int) -> Iterator[None]:
        self.now.number = number
        yield
        del self.now.number

    def work(self) -> None:
        self.seen.append(self.now.number)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_each_stream_works_in_its_own_context(count: int) -> None:
    contexts = Contexts()
    run_streams(count, contexts.enter, contexts.work, lambda: None)
    assert sorted(contexts.seen) == list(range(count))
    assert not hasattr(contexts.now, "number")


def test_a_context_that_cannot_be_entered_ends_all_streams() -> None:
    abandoned = threading.Event()

    @contextmanager
    def enter(number: int) -> Iterator[None]:
        if number == 1:
            raise RuntimeError("no such context")
        yield

    with pytest.raises(RuntimeError, match="no such context"):
        run_streams(3, enter, lambda: abandoned.wait(30), abandoned.set)
    assert abandoned.is_set()


def green(**changed: object):
    return divide(gpu(**changed), Sharing(mode="green_context"), 1)[0]


def benchmark(scenario: str, **more: object) -> Benchmark:
    return Benchmark.model_validate({"workload": "test-step", "scenario": scenario, "method": QUICK, **more})


def performed(folder: Path, asked: Benchmark) -> Outcome:
    job = Job(run_id="test", benchmark=asked, partition=green(simulated=True), timeout_s=60.0)
    with Launcher() as launcher:
        return Supervisor(launcher, Instruments(), job, Onlooker(), folder / "log", LIMITS).run()


def test_a_simulated_gpu_has_no_green_contexts_and_its_result_says_so(tmp_path: Path) -> None:
    outcome = performed(tmp_path, benchmark("multi_stream", load={"streams": 3}))
    assert outcome.ending is Ending.SUCCEEDED
    assert outcome.environment["green_contexts"] == "simulated"


def test_a_scenario_without_streams_is_refused_as_a_result(tmp_path: Path) -> None:
    outcome = performed(tmp_path, benchmark("single_stream"))
    assert outcome.ending is Ending.DOES_NOT_COMPILE
    assert "choose multi_stream or server" in outcome.reason


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU may have green contexts")
def test_a_host_without_a_driver_is_an_unavailable_engine() -> None:
    with pytest.raises(EngineUnavailableError, match=r"green contexts cannot be had here: there is no CUDA driver"):
        streams_of(benchmark("multi_stream", load={"streams": 2}), green(), torch.device("cuda:0"))


def test_what_was_granted_is_told() -> None:
    split = GreenSplit((GreenStream(1, 64), GreenStream(2, 64)), unused_sms=4)
    assert green_facts(split) == {
        "green_contexts": "granted",
        "green_context_sm_counts": [64, 64],
        "green_context_unused_sms": 4,
    }


TIME_SLICE = divide(gpu(), Sharing(mode="time_slicing"), 2)[0]


@pytest.mark.parametrize(
    ("partition", "enabled"),
    [
        (shares(2)[0], True),
        (TIME_SLICE, False),
        (green(), False),
        (gpu(), True),
        (gpu(), False),
        (shares(2)[0], None),
        (TIME_SLICE, None),
    ],
)
def test_a_run_that_is_shared_as_it_says_goes_on(partition: object, enabled: bool | None) -> None:
    require_mode(partition, enabled)


def test_a_share_of_mps_without_a_daemon_is_not_measured() -> None:
    with pytest.raises(SharedOtherwiseError, match="found no MPS daemon"):
        require_mode(shares(2)[0], False)


@pytest.mark.parametrize("partition", [TIME_SLICE, green()])
def test_another_share_beside_somebody_elses_daemon_is_not_measured(partition: object) -> None:
    with pytest.raises(SharedOtherwiseError, match="found an MPS daemon on this host: stop it"):
        require_mode(partition, True)
