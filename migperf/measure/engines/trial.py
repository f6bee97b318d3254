"""Trying a payload's step out, once by the model itself and once by an engine, and leaving no trace of it.

What is compared is what a step computes on one real batch: the outputs of inference, loss and gradients of training.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd
from torch.utils._pytree import tree_flatten, tree_map

from migperf.measure.engines.agreement import Results, Tensors
from migperf.measure.engines.errors import EngineUncheckedError
from migperf.measure.engines.probing import probe_weights
from workloads.base import GradientTraining, InferencePayload, Payload

TRIAL_SEED = 0


class Trial(Protocol):
    """One step that can be taken again and again."""

    device: torch.device

    def results(self) -> Results:
        """Take the step with the payload's present engine and return what came out, in host memory."""
        ...


@dataclass(slots=True)
class InferenceTrial:
    """The answer to one request."""

    payload: InferencePayload
    batch: Any
    device: torch.device

    def results(self) -> Results:
        """Return the tensors of the answer."""
        torch.manual_seed(TRIAL_SEED)
        return Results(outputs=_named_tensors(self.payload.infer(self.batch)))


@dataclass(slots=True)
class TrainingTrial:
    """Loss and gradients of one augmented batch; the optimiser is not asked for anything."""

    payload: GradientTraining
    batch: Any
    device: torch.device

    def results(self) -> Results:
        """Return the loss and each parameter's gradient. With a scaler, its scale must be one that they bear."""
        torch.manual_seed(TRIAL_SEED)
        scale = 1.0 if self.payload.scaler is None else self.payload.scaler.get_scale()
        with _buffers_kept(self.payload.model):
            loss = self.payload.loss(self.batch)
            torch.autograd.backward(loss * scale)
        return Results(loss=_on_host(loss), gradients=self._taken_gradients(scale))

    def _taken_gradients(self, scale: float) -> dict[str, Tensor]:
        """Return the gradients without their scale, and leave none behind."""
        gradients = {}
        for name, parameter in self.payload.model.named_parameters():
            if parameter.grad is not None:
                gradients[name] = _on_host(parameter.grad) / scale
                parameter.grad = None
        return gradients


@contextmanager
def trying_out(payload: Payload, device: torch.device) -> Iterator[Trial]:
    """Inside, the payload can be tried out; afterwards its weights, buffers and random states are as they were.

    Raises EngineUncheckedError for one that only takes whole steps, and for one that leaves values out at random.
    """
    with payload.rehearsal(), _random_state_kept(device):
        if isinstance(payload, InferencePayload):
            yield InferenceTrial(payload, payload.stage(payload.next_batch()), device)
        elif isinstance(payload, GradientTraining):
            _check_nothing_is_dropped(payload.model)
            payload.optimizer.zero_grad(set_to_none=True)  # a step before may have left some, which would add up
            batch = payload.augment(payload.stage(payload.next_batch()))
            with probe_weights(payload.model), _buffers_kept(payload.model):
                yield TrainingTrial(payload, batch, device)
        else:
            raise EngineUncheckedError(
                f"{type(payload).__name__} is neither InferencePayload nor GradientTraining, so that no engine can be "
                "checked on it; its card should offer eager in fp32 alone"
            )


def _check_nothing_is_dropped(model: nn.Module) -> None:
    """Raise EngineUncheckedError if a step depends on numbers that each engine draws in its own way."""
    dropping = (layer.p for layer in model.modules() if isinstance(layer, _DropoutNd) and layer.training)
    if (most := max(dropping, default=0.0)) > 0:
        raise EngineUncheckedError(
            f"the model drops values at random (dropout {most:g}), and an engine draws others than the eager model in "
            "fp32, so their gradients cannot be compared; set dropout to 0 in the workload's parameters"
        )


def repeated(value: Any, times: int) -> Any:  # noqa: ANN401 - inputs or outputs
    """Return the tensors so many times over along their first dimension, the batch."""
    return tree_map(lambda leaf: torch.cat([leaf] * times) if isinstance(leaf, Tensor) else leaf, value)


def _named_tensors(outputs: Any) -> Tensors:  # noqa: ANN401 - whatever a model returns
    """Return the tensors among the outputs, in host memory, by their position."""
    tensors = [value for value in tree_flatten(outputs)[0] if isinstance(value, Tensor)]
    if len(tensors) == 1:
        return {"the output": _on_host(tensors[0])}
    return {f"output {position}": _on_host(tensor) for position, tensor in enumerate(tensors)}


def _on_host(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", copy=True)


@contextmanager
def _random_state_kept(device: torch.device) -> Iterator[None]:
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


@contextmanager
def _buffers_kept(model: nn.Module) -> Iterator[None]:
    """Put running statistics and counters back afterwards, in place: an engine may know where they lie."""
    kept = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in kept:
                buffer.copy_(value)
