"""CUDA graphs: a model's kernels captured once, and replayed on the same buffers in each call."""

from typing import Any

import torch
from torch import Tensor, nn

from migperf.measure.engines.executable import Assignment, Executable
from migperf.measure.engines.precision import in_precision, with_channels_last

WARM_UP_CALLS = 3
"""Calls before the capture, in which libraries choose their kernels and take their memory: PyTorch's own number."""


class CapturedInference:
    """Copies the inputs into the graph's own, replays it, and returns the graph's outputs.

    They hold until the next call overwrites them.
    """

    def __init__(self, model: nn.Module, inputs: tuple[Tensor, ...], device: torch.device) -> None:
        self._inputs = tuple(value.clone(memory_format=torch.preserve_format) for value in inputs)
        self._graph = torch.cuda.CUDAGraph()
        with torch.no_grad():
            _warm_up(model, self._inputs, device)
            with torch.cuda.graph(self._graph):
                self._outputs = model(*self._inputs)

    def __call__(self, *inputs: Tensor) -> Any:  # noqa: ANN401 - the model's
        """Return the outputs for inputs of the captured shapes."""
        for captured, given in zip(self._inputs, inputs, strict=True):
            if captured.shape != given.shape:  # a copy would stretch a smaller one
                raise ValueError(f"the graph was captured for {tuple(captured.shape)}, not {tuple(given.shape)}")
            captured.copy_(given, non_blocking=True)
        self._graph.replay()
        return self._outputs


def captured(assignment: Assignment) -> Executable:
    """Return the captured model; where it trains, its backward pass is a graph of its own."""
    model = in_precision(assignment.model, assignment.engine, assignment.device)
    inputs = assignment.example.tensors()
    if assignment.engine.channels_last:
        inputs = tuple(with_channels_last(value) for value in inputs)
    if not assignment.model.training:
        return Executable(call=CapturedInference(model, inputs, assignment.device))
    samples = tuple(value.detach().clone().requires_grad_(value.requires_grad) for value in inputs)
    graphed = torch.cuda.make_graphed_callables(model, samples, num_warmup_iters=WARM_UP_CALLS)
    return Executable(call=graphed)


def _warm_up(model: nn.Module, inputs: tuple[Tensor, ...], device: torch.device) -> None:
    """Call the model on a stream of its own, as a capture does."""
    present, aside = torch.cuda.current_stream(device), torch.cuda.Stream(device)
    aside.wait_stream(present)
    with torch.cuda.stream(aside):
        for _ in range(WARM_UP_CALLS):
            model(*inputs)
    present.wait_stream(aside)
