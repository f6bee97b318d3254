"""The probe of a framework: one step is taken and checked before anything is timed, and every step after it as well."""

import importlib
import math
import os
from collections.abc import Mapping
from typing import Generic, TypeVar, cast

import numpy as np
import torch
from pydantic import JsonValue
from torch import Tensor, nn

from workloads.base import (
    CannotExecuteError,
    Context,
    Figure,
    InferencePayload,
    NotInstalledError,
    Payload,
    Report,
    StepCost,
    Task,
    TrainingPayload,
    UncountableError,
    Workload,
    WrongAnswerError,
)
from workloads.frameworks.facts import COMPANIONS, DEVICE, FRAMEWORK, OBSTACLE, VERSION, Obstacle
from workloads.frameworks.known import FRAMEWORKS, Known
from workloads.frameworks.parameters import Framework, FrameworkParameters
from workloads.frameworks.problem import IMAGES, Batch, Problem, error, logits, losses, problem
from workloads.frameworks.programs.program import InferenceProgram, Program, TrainingProgram, WrongDeviceError

CHECKED_LOSSES = 6
"""So many steps of training are followed in NumPy; after them the loss has to be finite, and to have fallen at last."""


ProgramT = TypeVar("ProgramT", bound=Program)


class Probe(Generic[ProgramT]):
    """One framework on one device: its program, of the kind that the task needs, and what it has told of itself."""

    def __init__(self, framework: Framework, task: Task, context: Context) -> None:
        self.framework, self.task, self._context = framework, task, context
        self._known = FRAMEWORKS[framework]
        context.tell({FRAMEWORK: framework.value, VERSION: self._known.installed_version()})
        self._require()
        for name, value in self._known.settings.items():
            os.environ.setdefault(name, value)
        self.problem = problem(context.seed)
        self.program = cast("ProgramT", _built(self._known, self.problem, context.device))
        versions = self.program.versions
        context.tell({VERSION: versions.framework, COMPANIONS: dict(versions.companions)})

    def settle(self) -> None:
        """Tell where the step just taken was computed. Raises WrongDeviceError if that is not the partition."""
        where = self.program.whereabouts()
        self._context.tell({DEVICE: where.computed_on})
        if where.kind != self._context.device.type:
            raise WrongDeviceError(
                f"{self._known.title} computed on {where.computed_on}, and the partition is another device "
                f"({self._context.device}); it sees {', '.join(where.seen)}"
                + (f"; {self._known.on_gpu}" if self._known.on_gpu else "")
            )

    def table(self) -> Mapping[str, JsonValue]:
        """Return what was probed, and where it computed."""
        versions, where = self.program.versions, self.program.whereabouts()
        return {
            "framework": self.framework.value,
            "task": self.task.value,
            "version": versions.framework,
            "companions": dict(versions.companions),
            "computed_on": where.computed_on,
            "sees": list(where.seen),
        }

    def _require(self) -> None:
        if (missing := self._known.missing()) is not None:
            self._context.tell({OBSTACLE: Obstacle.NOT_INSTALLED.value})
            raise NotInstalledError(f"{self._known.title} (module {missing})", self._known.install)
        if self.task not in self._known.tasks:
            self._context.tell({OBSTACLE: Obstacle.NOT_OFFERED.value})
            raise CannotExecuteError(self._known.why_not)


class _Probing(Payload):
    """What both kinds of probe share. Steps wait for their answers, so a host's clock is right about them."""

    samples_per_step = IMAGES

    def step_cost(self) -> StepCost:
        """Raise UncountableError."""
        raise UncountableError("a probe asks whether a framework works; PyTorch does not see what others compute")

    def stage(self, batch: Batch) -> Batch:
        """Return the batch as it is: copying it to the device is part of what a framework does."""
        return batch


class FrameworkInference(_Probing, InferencePayload):
    """Answers the same batches in turn; each answer is held against NumPy's, within the step."""

    def __init__(self, probe: Probe[InferenceProgram]) -> None:
        self.model = nn.Identity()
        self._probe = probe
        self._batches = probe.problem.batches
        self._references = {id(batch): logits(probe.problem.weights, batch.images) for batch in self._batches}
        self._asked, self._worst = 0, 0.0
        self.infer(self.next_batch())
        probe.settle()

    def next_batch(self) -> Batch:
        """See Payload."""
        self._asked += 1
        return self._batches[self._asked % len(self._batches)]

    def infer(self, batch: Batch) -> Tensor:
        """Return the logits, in host memory. Raises WrongAnswerError."""
        answer = self._probe.program.infer(batch.images)
        self._worst = max(self._worst, error(answer, self._references[id(batch)]))
        return torch.from_numpy(np.array(answer))

    def report(self) -> Report:
        """Return the largest difference from NumPy of any answer, and the table ``framework``."""
        self._probe.program.close()
        worst = Figure(name="answer_error", value=self._worst, unit="1")
        return Report(figures=(worst,), tables={"framework": dict(self._probe.table())})


class FrameworkTraining(_Probing, TrainingPayload):
    """Learns one batch by heart, without end; the first losses are held against NumPy's."""

    def __init__(self, probe: Probe[TrainingProgram]) -> None:
        self.model = nn.Identity()
        self._probe = probe
        self._references = losses(probe.problem, CHECKED_LOSSES)
        self._steps, self._worst = 0, 0.0
        self._first = self._last = math.nan
        self.step(self.next_batch())
        probe.settle()

    def next_batch(self) -> Batch:
        """See Payload."""
        return self._probe.problem.batches[0]

    def step(self, batch: Batch) -> Tensor:
        """Return the loss, in host memory. Raises WrongAnswerError."""
        self._last = self._probe.program.train(batch)
        if self._steps < CHECKED_LOSSES:
            self._worst = max(self._worst, error(self._last, self._references[self._steps]))
        if not math.isfinite(self._last):
            raise WrongAnswerError(f"the loss of step {self._steps} is {self._last}")
        if self._steps == 0:
            self._first = self._last
        self._steps += 1
        return torch.tensor(self._last)

    def report(self) -> Report:
        """Return first and last loss, the difference from NumPy, and the table. Raises WrongAnswerError."""
        self._probe.program.close()
        if self._steps > 1 and not self._last < self._first:
            raise WrongAnswerError(f"the loss is {self._last:g} after {self._steps} steps, and was {self._first:g}")
        figures = (
            Figure(name="first_loss", value=self._first, unit="nat"),
            Figure(name="last_loss", value=self._last, unit="nat"),
            Figure(name="answer_error", value=self._worst, unit="1"),
        )
        return Report(figures=figures, tables={"framework": dict(self._probe.table())})


class FrameworkWorkload(Workload):
    """Offers both tasks; a framework that has only one says so when the other is asked for."""

    def inference(self, parameters: FrameworkParameters, context: Context) -> FrameworkInference:
        """Build the probe. Raises NotInstalledError, CannotExecuteError, and whatever the framework does."""
        return FrameworkInference(Probe(parameters.framework, Task.INFERENCE, context))

    def training(self, parameters: FrameworkParameters, context: Context) -> FrameworkTraining:
        """Build the probe. Raises NotInstalledError, CannotExecuteError, and whatever the framework does."""
        return FrameworkTraining(Probe(parameters.framework, Task.TRAINING, context))


def _built(known: Known, asked: Problem, device: torch.device) -> Program:
    """Import the framework, by its program, and set it the problem."""
    module, _, name = known.program.partition(":")
    program: Program = getattr(importlib.import_module(module), name)(asked, device)
    return program
