"""A payload whose step does nothing: what is measured is the harness itself."""

import torch
from torch import Tensor, nn

from workloads.base import Context, InferencePayload, StepCost, TrainingPayload, Workload
from workloads.synthetic.parameters import NullParameters

_NOTHING = StepCost(flops=0, bytes=0, least_bytes=0)


class NullInference(InferencePayload):
    """Answers None at once."""

    sample_unit = "sample"

    def __init__(self, parameters: NullParameters) -> None:
        self.samples_per_step = parameters.batch_size
        self.model = nn.Identity()

    def next_batch(self) -> None:
        """Return no batch."""

    def stage(self, batch: None) -> None:
        """Copy nothing."""

    def infer(self, batch: None) -> None:
        """Do nothing."""

    def step_cost(self) -> StepCost:
        """Return that a step costs nothing."""
        return _NOTHING


class NullTraining(TrainingPayload):
    """Returns the same loss of 0 at once, without end."""

    sample_unit = "sample"

    def __init__(self, parameters: NullParameters, context: Context) -> None:
        self.samples_per_step = parameters.batch_size
        self.model = nn.Identity()
        self._loss = torch.zeros((), device=context.device)

    def next_batch(self) -> None:
        """Return no batch."""

    def stage(self, batch: None) -> None:
        """Copy nothing."""

    def step(self, batch: None) -> Tensor:  # noqa: ARG002 - there is none
        """Return a loss of 0 that was made beforehand, a scalar on the device."""
        return self._loss

    def step_cost(self) -> StepCost:
        """Return that a step costs nothing."""
        return _NOTHING


class NullWorkload(Workload):
    """Offers inference and training that do nothing."""

    def inference(self, parameters: NullParameters, context: Context) -> NullInference:  # noqa: ARG002 - needs no device
        """Return the inference payload."""
        return NullInference(parameters)

    def training(self, parameters: NullParameters, context: Context) -> NullTraining:
        """Return the training payload."""
        return NullTraining(parameters, context)
