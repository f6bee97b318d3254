"""Every run says what measuring itself cost there and then: the same loop around nothing."""

import pytest
import torch

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
