"""Every run says what measuring itself cost there and then: the same loop around nothing."""

import pytest
import torch

from migperf.measure import harness
from migperf.measure.benchmark import Benchmark
from migperf.measure.figures import ResultFigure
from migperf.measure.harness import harness_figures

CPU = torch.device("cpu")


def costs(**benchmark: object) -> dict[str, ResultFigure]:
    asked = {"workload": "test-step", "parameters": {"step_ms": 50}, **benchmark}
    return {figure.name: figure for figure in harness_figures(Benchmark.model_validate(asked), CPU)}


@pytest.mark.alone
@pytest.mark.parametrize(
    "asked",
    [
        {"scenario": "offline"},
        {"scenario": "single_stream"},
        {"scenario": "train"},
        {"scenario": "multi_stream", "load": {"streams": 3}},
        {"scenario": "server", "load": {"rate_per_s": 5, "queue_limit": 1, "timeout_ms": 0.001}},
    ],
)
def test_a_step_that_does_nothing_costs_microseconds_whatever_the_payload_takes(asked: dict[str, object]) -> None:
    cost = costs(**asked)["harness_step_cost"]
    assert cost.unit == "us"
    assert cost.samples >= 200
    assert 0.5 < cost.value < 5_000, "the payload of the benchmark sleeps 50,000 us a step"


def test_a_server_says_up_to_which_rate_its_arrivals_are_on_time() -> None:
    rate = costs(scenario="server", load={"rate_per_s": 5})["generator_honest_rate"]
    assert rate.unit == "request/s"
    assert rate.absent or rate.value > 10
    assert "generator_honest_rate" not in costs(scenario="offline")


class _StandingStill:
    """A host that stands still while the first ``attempts`` attempts are under way."""

    def __init__(self, attempts: int) -> None:
        self.attempts = attempts

    def __call__(self, *_: object) -> tuple[int, int]:
        self.attempts -= 1
        return (11, 8_900_000_000) if self.attempts >= 0 else (1000, 4_000_000)


@pytest.mark.parametrize(("still", "value", "steps"), [(1, 4.0, 1000), (3, None, 11)])
def test_a_host_that_stands_still_makes_no_cost_of_a_step(
    still: int, value: float | None, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness, "_attempt", _StandingStill(still))
    cost = costs(scenario="offline")["harness_step_cost"]
    assert (cost.value, cost.samples) == (value, steps)
    assert value or cost.absent == "11 steps in 8.9 s say nothing of the cost of one"
