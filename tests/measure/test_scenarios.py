"""Each scenario drives a real payload in a real child as it says, and reports what belongs to it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from migperf.measure.benchmark import Benchmark
from migperf.measure.launcher import Launcher
from migperf.measure.outcome import Ending, Outcome
from migperf.measure.phases import Phase
from tests.measure.supervised import QUICK, Onlooker, supervised


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    with Launcher() as warm:
        yield warm


def values(outcome: Outcome) -> dict[str, float | None]:
    assert outcome.ending is Ending.SUCCEEDED, outcome.reason
    return {figure.name: figure.value for figure in outcome.figures}


def samples(outcome: Outcome, name: str) -> np.ndarray:
    return next(series for series in outcome.series if series.metric.name == name).chunk.value


def test_several_streams_are_answered_at_once(launcher: Launcher, tmp_path: Path) -> None:
    many = {"parameters": {"step_ms": 20}, "method": {**QUICK, "min_steps": 60}}
    one = values(supervised(launcher, tmp_path / "log", scenario="multi_stream", **many))
    four = supervised(launcher, tmp_path / "log", scenario="multi_stream", load={"streams": 4}, **many)
    assert values(four)["throughput"] > 2.5 * one["throughput"]
    assert samples(four, "latency").min() >= 20
    times_ns = next(series for series in four.series if series.metric.name == "latency").chunk.time_ns
    assert (np.diff(times_ns) >= 0).all()


def test_a_stream_that_fails_ends_the_run_and_the_other_streams(launcher: Launcher, tmp_path: Path) -> None:
    outcome = supervised(
        launcher,
        tmp_path / "log",
        workload="test-misbehave",
        scenario="multi_stream",
        load={"streams": 3},
        parameters={"how": "raise", "after_steps": 10},
        method={**QUICK, "min_s": 30, "max_s": 40},
    )
    assert (outcome.ending, outcome.reason) == (Ending.FAILED, "ValueError: the payload is unwell")


def test_a_server_reports_queueing_and_computing_apart(launcher: Launcher, tmp_path: Path) -> None:
    outcome = supervised(
        launcher,
        tmp_path / "log",
        scenario="server",
        parameters={"step_ms": 4},
        load={"rate_per_s": 100},
        method={**QUICK, "min_steps": 200},
    )
    found = values(outcome)
    latency, queued, computed = (samples(outcome, name) for name in ("latency", "queueing_time", "compute_time"))
    assert computed.min() >= 4
    assert latency == pytest.approx(queued + samples(outcome, "staging_time") + computed, abs=0.5)
    assert found["offered_rate"] == pytest.approx(100, rel=0.3)
    assert 0.3 < found["utilisation"] < 0.95
    assert found["requests_dropped"] == found["requests_given_up"] == found["requests_unfinished"] == 0
    assert {"latency_mean", "latency_p50", "queueing_time_mean", "compute_time_mean", "throughput"} <= found.keys()


def test_more_than_a_server_can_answer_is_dropped_and_no_percentile_hides_it(
    launcher: Launcher, tmp_path: Path
) -> None:
    outcome = supervised(
        launcher,
        tmp_path / "log",
        scenario="server",
        parameters={"step_ms": 10},
        load={"rate_per_s": 400, "arrivals": "constant", "queue_limit": 5},
        method={**QUICK, "min_steps": 100},
    )
    found = {figure.name: figure for figure in outcome.figures}
    assert found["requests_dropped"].value > 100
    assert "got no answer" in found["latency_p90"].absent
    assert found["utilisation"].value > 0.95
    assert samples(outcome, "latency").max() < 200, "a short queue keeps those quick that are answered"


def test_requests_that_wait_are_answered_together_when_asked_for(launcher: Launcher, tmp_path: Path) -> None:
    outcome = supervised(
        launcher,
        tmp_path / "log",
        scenario="server",
        parameters={"step_ms": 10},
        load={"rate_per_s": 400, "max_batch": 8, "max_delay_ms": 5},
        method={**QUICK, "min_steps": 300},
    )
    found = values(outcome)
    assert 2 < found["requests_per_batch"] <= 8
    assert found["throughput"] > 150, "one at a time it could not be more than 100"


def test_the_highest_rate_within_a_limit_is_found_and_measured(launcher: Launcher, tmp_path: Path) -> None:
    onlooker = Onlooker()
    outcome = supervised(
        launcher,
        tmp_path / "log",
        onlooker,
        scenario="server",
        parameters={"step_ms": 5},
        load={"arrivals": "constant"},
        search={"kind": "max_rate", "percentile": 50, "limit_ms": 12, "tolerance": 0.2, "trial_max_s": 2},
        method={**QUICK, "min_steps": 60},
    )
    found = values(outcome)
    assert found["max_rate"] <= 200 / 0.99, "no more than one request in 5 ms can be kept up"
    assert found["max_rate"] > 60
    assert found["offered_rate"] == pytest.approx(found["max_rate"], rel=0.1)
    trials = outcome.finished.tables["rate_search"]
    assert {"keeps"} <= {trial["shown"] for trial in trials} <= {"keeps", "breaks", "undecided"}
    assert found["max_rate"] == max(trial["rate_per_s"] for trial in trials if trial["shown"] == "keeps")
    assert onlooker.phases.index(Phase.SEARCHING) < onlooker.phases.index(Phase.WARMING_UP)
    assert onlooker.phases.count(Phase.SEARCHING) == 1


def test_training_tells_its_parts_apart(launcher: Launcher, tmp_path: Path) -> None:
    small = {"batch_size": 2, "image_size": 32, "classes": 10, "data_pool": 1}
    outcome = supervised(launcher, tmp_path / "log", workload="resnet18", scenario="train", parameters=small)
    parts = ["data_time", "staging_time", "forward_time", "backward_time", "optimizer_time"]
    steps = samples(outcome, "step_time")
    assert sum(samples(outcome, part) for part in parts) == pytest.approx(steps, rel=0.05, abs=0.5)
    assert values(outcome)["backward_time_mean"] > values(outcome)["data_time_mean"]


@pytest.mark.parametrize(
    ("asked", "field", "remedy"),
    [
        ({"scenario": "server"}, "load.rate_per_s", "how many requests"),
        ({"scenario": "offline", "load": {"streams": 2}}, "load", "leave it out"),
        ({"scenario": "multi_stream", "load": {"rate_per_s": 5}}, "load.rate_per_s", "belongs to server"),
        (
            {"scenario": "server", "load": {"rate_per_s": 5, "arrivals": "trace", "trace_s": [0, 1]}},
            "load.rate_per_s",
            "leave it out",
        ),
        (
            {"scenario": "offline", "search": {"kind": "max_rate", "limit_ms": 5}},
            "search.kind",
            "needs the scenario server",
        ),
        (
            {"scenario": "server", "load": {"rate_per_s": 5}, "search": {"kind": "max_rate", "limit_ms": 5}},
            "load.rate_per_s",
            "searches for the rate",
        ),
    ],
)
def test_a_load_that_the_scenario_lacks_or_would_ignore_is_refused(
    asked: dict[str, object], field: str, remedy: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        Benchmark.model_validate({"workload": "test-step", **asked})
    (problem,) = refused.value.errors()
    assert ".".join(map(str, problem["loc"])) == field
    assert remedy in problem["msg"]
