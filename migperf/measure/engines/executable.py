"""What an engine is built from, and what building it yields."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from pydantic import JsonValue
from torch import Tensor, nn

from migperf.measure.engine import Engine
from migperf.measure.engines.errors import EngineUnavailableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a model as its payload made it: what went in, and what came out."""

    inputs: tuple[Any, ...]
    named: dict[str, Any]
    outputs: Any

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the inputs where each is a tensor and none is named. Raises EngineUnavailableError."""
        if self.named or not all(isinstance(value, Tensor) for value in self.inputs):
            raise EngineUnavailableError(
                "the payload does not call its model with tensors alone, each in its place; such a call can be neither "
                "captured nor exported: choose engine.runtime eager or compile"
            )
        return self.inputs


class RecordingModel:
    """Calls a model and keeps its first call."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self.first: Call | None = None

    def __call__(self, *inputs: Any, **named: Any) -> Any:  # noqa: ANN401 - the model's
        """Return what the model returns."""
        outputs = self._model(*inputs, **named)
        if self.first is None:
            self.first = Call(inputs=inputs, named=named, outputs=outputs)
        return outputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What is to be executed, how, and where. ``most_together``: requests that one call may have to answer."""

    engine: Engine
    model: nn.Module
    device: torch.device
    example: Call
    most_together: int = 1


def no_facts() -> dict[str, JsonValue]:
    """Return nothing: there is no more to say."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Executable:
    """What a payload calls in place of its model.

    ``settle`` is called when every kind of call has been made once: nothing is built after it. It returns facts.
    """

    call: Callable[..., Any]
    settle: Callable[[], dict[str, JsonValue]] = field(default=no_facts)
