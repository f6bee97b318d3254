"""What one step of a payload costs, counted while it is really taken: floating-point operations and bytes moved.

``workloads.complexity`` counts a model for its paper's table; this counts a payload's step as it runs here, backward
pass and optimiser included.
"""

from collections.abc import Callable
from typing import Any

from workloads.base import InferencePayload, Payload, StepCost, TrainingPayload, UncountableError
from workloads.counting import CostCounter
from workloads.seeding import undisturbed_randomness


def count_step(payload: Payload) -> StepCost:
    """Take a step of the payload and return what it cost.

    ``workloads.counting`` says what counts. Operators that PyTorch does not dispatch one by one (compiled, or in a
    captured graph) are not seen.

    Training takes two steps and counts the second: optimisers make their state in the first. The model has learned from
    them afterwards; batches come as if none had been asked for, and global random states are as they were.
    Raises UncountableError for a payload whose steps are numbered.
    """
    if isinstance(payload, TrainingPayload) and payload.total_steps is not None:
        raise UncountableError(f"the payload has {payload.total_steps} steps, and counting would take one of them")
    step = _step_of(payload)
    batches = [payload.next_batch() for _ in range(2 if isinstance(payload, TrainingPayload) else 1)]
    try:
        with undisturbed_randomness():
            for batch in batches[:-1]:
                step(payload.stage(batch))
            return _counted(step, payload.stage(batches[-1]))
    finally:
        _give_again(payload, batches)


def _step_of(payload: Payload) -> Callable[[Any], object]:
    if isinstance(payload, TrainingPayload):
        return payload.step
    if isinstance(payload, InferencePayload):
        return payload.infer
    raise TypeError(f"{type(payload).__name__} is neither an InferencePayload nor a TrainingPayload")


def _counted(step: Callable[[Any], object], batch: object) -> StepCost:
    with CostCounter() as counter:
        result = step(batch)
    return StepCost(flops=counter.flops, bytes=counter.unfused_bytes, least_bytes=counter.least_bytes(result))


def _give_again(payload: Payload, batches: list[Any]) -> None:
    """Have the payload return these batches first, and then be what it was."""
    left = list(batches)

    def next_batch() -> Any:  # noqa: ANN401 - as the payload's own
        batch = left.pop(0)
        if not left:
            del payload.next_batch  # uncovers the method of the class
        return batch

    payload.next_batch = next_batch  # type: ignore[method-assign]
