"""What the micro-benchmarks share: a payload of one kernel, launched again and again."""

from abc import abstractmethod
from collections.abc import Mapping

import torch
from pydantic import JsonValue
from torch import nn

from workloads.base import Figure, InferencePayload, Report, StepCost
from workloads.micro.launching import Launcher
from workloads.micro.parameters import KernelParameters


class KernelPayload(InferencePayload):
    """Runs one kernel ``repetitions`` times a step. A subclass allocates first, then calls ``super().__init__``."""

    def __init__(self, parameters: KernelParameters, device: torch.device) -> None:
        self.model = nn.Identity()
        self.samples_per_step = parameters.repetitions
        self._parameters = parameters
        self._launcher = Launcher(self.run_kernel, parameters, device)

    @abstractmethod
    def run_kernel(self) -> object:
        """Launch the kernel once, into memory that is there already."""

    @abstractmethod
    def kernel_cost(self) -> StepCost:
        """Return what one kernel computes and moves; see ``step_cost``."""

    @abstractmethod
    def findings(self) -> tuple[Figure, ...]:
        """Return what was used and found when the payload was built."""

    def next_batch(self) -> None:
        """Return no batch: the operands are on the device."""

    def stage(self, batch: None) -> None:  # noqa: ARG002 - there is none
        """Overwrite the cache or hold the stream back, where that was asked for."""
        self._launcher.prepare()

    def infer(self, batch: None) -> None:  # noqa: ARG002 - there is none
        """Launch the kernels of a step."""
        with torch.inference_mode():
            self._launcher.launch()

    def step_cost(self) -> StepCost:
        """Return what the kernels of a step compute and move.

        Raises UncountableError where that is not what a roofline holds a step against.
        """
        one, times = self.kernel_cost(), self._parameters.repetitions
        return StepCost(flops=times * one.flops, bytes=times * one.bytes, least_bytes=times * one.least_bytes)

    def report(self) -> Report:
        """Return what was used, and the choices by name as the table ``kernel``."""
        flushed = Figure(name="flushed_before_step", value=float(self._launcher.flushed_bytes), unit="B")
        return Report(figures=(*self.findings(), flushed), tables={"kernel": dict(self._choices())})

    def _choices(self) -> Mapping[str, JsonValue]:
        return self._parameters.model_dump(mode="json")
