"""What a step costs becomes figures of the result, or a reason; it decides nothing about the run."""

import pytest
import torch
from torch import nn

from migperf.measure.costing import BYTES, FLOPS, LEAST_BYTES, cost_figures
from migperf.measure.figures import ResultFigure
from workloads.base import Context, InferencePayload, StepCost
from workloads.registry import card


class Linear(InferencePayload):
    """One linear layer; what it does wrong is set from outside."""

    samples_per_step = 4

    def __init__(self, error: Exception | None = None, cost: StepCost | None = None) -> None:
        self.model = nn.Linear(8, 2)
        self.error, self.cost, self.steps = error, cost, 0

    def next_batch(self) -> torch.Tensor:
        return torch.ones(4, 8)

    def stage(self, batch: torch.Tensor) -> torch.Tensor:
        return batch

    def infer(self, batch: torch.Tensor) -> torch.Tensor:
        self.steps += 1
        if self.error is not None:
            raise self.error
        with torch.inference_mode():
            return self.model(batch)

    def step_cost(self) -> StepCost | None:
        return self.cost


def by_name(payload: InferencePayload) -> dict[str, ResultFigure]:
    return {figure.name: figure for figure in cost_figures(payload)}


def test_a_step_is_counted_and_each_figure_says_how() -> None:
    figures = by_name(Linear())
    moved = 4 * (4 * 8 + 2 * 8 + 2 + 4 * 2)
    assert {name: figure.value for name, figure in figures.items()} == {
        FLOPS: 2 * 4 * 8 * 2,
        BYTES: moved,
        LEAST_BYTES: moved,
    }
    assert [figure.unit for figure in figures.values()] == ["FLOP", "B", "B"]
    assert "nothing fused or cached" in (figures[BYTES].method or "")


def test_what_a_payload_declares_is_believed_and_no_step_taken() -> None:
    payload = Linear(cost=StepCost(flops=7, bytes=5, least_bytes=3))
    figures = by_name(payload)
    assert [figure.value for figure in figures.values()] == [7, 5, 3]
    assert {figure.method for figure in figures.values()} == {"declared by the workload"}
    assert payload.steps == 0


def test_a_payload_without_torch_has_no_flops_and_no_bytes() -> None:
    class Idle(Linear):
        def infer(self, batch: torch.Tensor) -> None:  # type: ignore[override]
            self.steps += 1

    assert [figure.value for figure in cost_figures(Idle())] == [0, 0, 0]


def test_counting_that_fails_is_a_reason_and_not_the_end_of_the_run() -> None:
    figures = cost_figures(Linear(error=ValueError("unwell")))
    assert {figure.absent for figure in figures} == {"a step could not be counted: ValueError: unwell"}
    assert [figure.name for figure in figures] == [FLOPS, BYTES, LEAST_BYTES]


def test_a_study_with_an_end_says_why_it_is_not_counted() -> None:
    entry = card("vit-stem-stability")
    parameters = entry.parameters.model_validate({"trials": 1, "steps": 2, "batch_size": 2})
    payload = entry.load().training(parameters, Context(device=torch.device("cpu"), seed=0))
    assert {figure.absent for figure in cost_figures(payload)} == {
        f"the payload has {payload.total_steps} steps, and counting would take one of them"
    }


@pytest.mark.parametrize(
    "error", [MemoryError("no room"), RuntimeError("DefaultCPUAllocator: can't allocate memory: 1 TiB")]
)
def test_memory_that_runs_out_while_counting_is_raised(error: Exception) -> None:
    with pytest.raises(type(error)):
        cost_figures(Linear(error=error))
