"""A run that is profiled leaves a trace of its own steps, and no failure of that costs its result. Real children."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from migperf.gpus.host_cpu import cpu_partition
from migperf.measure.benchmark import Benchmark
from migperf.measure.job import Job
from migperf.measure.launcher import Launcher
from migperf.measure.outcome import Ending, Outcome
from migperf.measure.phases import Phase
from migperf.measure.profiling.recording import STEPS, TraceTooLargeError, record_within
from migperf.measure.profiling.summary import SUMMARY_NAME, TRACE_NAME, ProfileSummary
from migperf.measure.profiling.trace import parse_trace
from migperf.measure.supervisor import Supervisor
from migperf.metrics.instruments import Instruments
from tests.measure.test_supervisor import LIMITS, QUICK, RecordingWatcher

STEPS_OF_QUICK = 51
SMALL = {"image_size": 32, "batch_size": 2, "classes": 10, "data_pool": 1}


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    with Launcher() as warm:
        yield warm


def profiled(launcher: Launcher, folder: Path, timeout_s: float = 60.0, **benchmark: object) -> Outcome:
    request = {"scenario": "single_stream", "method": QUICK, "profile": True, **benchmark}
    job = Job(
        run_id="test", benchmark=Benchmark.model_validate(request), partition=cpu_partition(), timeout_s=timeout_s
    )
    watcher = RecordingWatcher()
    outcome = Supervisor(launcher, Instruments(), job, watcher, folder / "log", LIMITS).run()
    assert watcher.phases[-1] is Phase.PROFILING
    return outcome


def summary_of(outcome: Outcome) -> ProfileSummary:
    (document,) = [document for document in outcome.documents if document.name == SUMMARY_NAME]
    return ProfileSummary.model_validate_json(document.data)


@pytest.mark.parametrize(
    ("scenario", "operator"), [("offline", "aten::mkldnn_convolution"), ("train", "aten::convolution_backward")]
)
def test_the_steps_that_were_timed_are_profiled(
    launcher: Launcher, tmp_path: Path, scenario: str, operator: str
) -> None:
    method = {**QUICK, "min_steps": 3}
    outcome = profiled(launcher, tmp_path, workload="resnet18", scenario=scenario, parameters=SMALL, method=method)
    trace, _ = outcome.documents
    assert (outcome.ending, trace.name, trace.media_type) == (Ending.SUCCEEDED, TRACE_NAME, "application/gzip")
    parsed = parse_trace(json.loads(gzip.decompress(trace.data)))
    summary = summary_of(outcome)
    assert parsed.steps == summary.steps == STEPS
    assert operator in {row.name for row in summary.operators}
    assert all(row.calls % STEPS == 0 for row in summary.operators), "every step has the same operators"
    assert sum(row.self_host_ms for row in summary.operators) <= (summary.span_ms or 0)
    assert summary.device_absent == "the run was on the CPU"
    timed = next(series for series in outcome.series if series.metric.name in ("batch_time", "step_time"))
    assert len(timed) == 1 + method["min_steps"], "steps of the profile are no timings"


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("raise", "ValueError: the payload is unwell"),
        ("out_of_memory", "MemoryError: no room"),
        ("abort", "ended while it profiled: signal SIGABRT"),
        ("killed", "ended while it profiled: signal SIGKILL"),
        ("hang", "not finished after timeout_s = 2 s, in phase profiling"),
        ("chatter", "bytes to its log"),
    ],
)
def test_whatever_goes_wrong_while_profiling_the_result_is_there(
    launcher: Launcher, tmp_path: Path, how: str, reason: str
) -> None:
    parameters = {"how": how, "after_steps": STEPS_OF_QUICK}
    outcome = profiled(launcher, tmp_path, timeout_s=2.0, workload="test-misbehave", parameters=parameters)
    assert outcome.ending is Ending.SUCCEEDED
    assert next(figure.value for figure in outcome.figures if figure.name == "latency_mean")
    assert reason in (summary_of(outcome).absent or "")
    assert summary_of(outcome).trace is None


def test_a_payload_that_has_come_to_its_end_has_no_step_left_to_profile(launcher: Launcher, tmp_path: Path) -> None:
    outcome = profiled(launcher, tmp_path, workload="test-step", scenario="train", parameters={"total_steps": 5})
    assert "none left to profile" in (summary_of(outcome).absent or "")
    assert next(figure.value for figure in outcome.figures if figure.name == "steps_taken") == 5


def test_what_the_payload_reports_is_of_the_steps_that_count(launcher: Launcher, tmp_path: Path) -> None:
    outcome = profiled(launcher, tmp_path, workload="test-step")
    assert next(figure.value for figure in outcome.figures if figure.name == "steps_taken") == STEPS_OF_QUICK


def test_a_profile_does_not_make_another_benchmark() -> None:
    plain = Benchmark.model_validate({"workload": "test-step", "scenario": "offline"})
    assert plain.model_copy(update={"profile": True}).fingerprint() == plain.fingerprint()


@pytest.mark.parametrize(("bytes_a_step", "kept_steps"), [(10, 5), (30, 3), (49, 2), (99, 1), (100, 1)])
def test_a_trace_that_is_too_large_is_taken_again_of_fewer_steps(bytes_a_step: int, kept_steps: int) -> None:
    assert len(record_within(100, lambda steps: b"x" * bytes_a_step * steps)) == bytes_a_step * kept_steps


def test_a_trace_of_which_a_single_step_is_too_large_is_not_kept() -> None:
    taken: list[int] = []
    with pytest.raises(TraceTooLargeError, match="trace of one step"):
        record_within(1 << 20, lambda steps: taken.append(steps) or b"x" * (steps << 21))
    assert taken == [5, 1]
