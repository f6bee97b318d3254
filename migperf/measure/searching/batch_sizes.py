"""Which batch sizes a workload takes, and whether the largest that fits can be searched for at all."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from migperf.measure.search import MaxBatch
from workloads.base import Card

BATCH_SIZE = "batch_size"
"""The parameter by which workloads are told the size of a batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with which field."""

    where: tuple[str, ...]
    given: JsonValue
    message: str


def batch_problem(
    card: Card, parameters: Mapping[str, JsonValue], search: MaxBatch, *, of_requests: bool
) -> Problem | None:
    """Return why the largest batch cannot be searched for, None if it can.

    ``of_requests`` says that the scenario makes its batches of requests as they arrive.
    """
    kind = ("search", "kind")
    if BATCH_SIZE not in card.parameters.model_fields:
        message = f"max_batch needs a workload with the parameter {BATCH_SIZE}; {card.name} has none"
        return Problem(where=kind, given=search.kind, message=message)
    if of_requests:
        message = "server makes batches of what arrives; choose another scenario for max_batch"
        return Problem(where=kind, given=search.kind, message=message)
    first = parameters.get(BATCH_SIZE)
    if isinstance(first, int) and first > search.limit:
        message = f"the search would begin beyond its limit ({search.limit}); lower {BATCH_SIZE} or raise limit"
        return Problem(where=("parameters", BATCH_SIZE), given=first, message=message)
    return None


def first_size(card: Card, parameters: Mapping[str, JsonValue], search: MaxBatch) -> JsonValue:
    """Return the size that the search begins with: the one given, else the smallest power of two that is allowed."""
    if BATCH_SIZE in parameters:
        return parameters[BATCH_SIZE]
    powers = (1 << exponent for exponent in range(search.limit.bit_length()))
    return next((size for size in powers if why_not_allowed(card, parameters, size) is None), 1)


def why_not_allowed(card: Card, parameters: Mapping[str, JsonValue], size: int) -> str | None:
    """Return why the workload's parameters do not allow a batch of this size, None if they do."""
    try:
        card.parameters.model_validate({**parameters, BATCH_SIZE: size})
    except ValidationError as error:
        return str(error.errors()[0]["msg"])
    return None
