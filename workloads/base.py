"""What a payload is: its card, its typed parameters, and the inference and training that a harness drives.

Importing this module does not import torch, so that a catalogue can be listed and parameters validated at once.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, ConfigDict, JsonValue

if TYPE_CHECKING:
    import torch
    from torch import nn


class Task(StrEnum):
    """The two kinds of step that a payload can offer."""

    INFERENCE = "inference"
    TRAINING = "training"


class Parameters(BaseModel):
    """Base of every payload's parameter model: unknown fields and infinities are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Facts = Mapping[str, JsonValue]


def tell_nobody(facts: Facts) -> None:
    """Keep the facts to oneself: what a context's ``tell`` is until a harness wants to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Where and from which seed a payload is built, and whom it tells what it depends on.

    ``tell`` takes names and versions, such as those of a framework, as they are found out: they are kept even if what
    comes next raises or crashes.
    """

    device: torch.device
    seed: int
    tell: Callable[[Facts], None] = tell_nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number that the payload itself reports (a loss, an error rate), with its unit.

    ``value`` is None when it could not be had, and then ``absent`` says why.
    """

    name: str
    value: float | None
    unit: str
    absent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a payload has to say at its end, beyond how fast it was: figures, and tables as JSON by name."""

    figures: tuple[Figure, ...] = ()
    tables: Mapping[str, JsonValue] = field(default_factory=dict)


def no_lap(part: str) -> None:
    """Time nothing: what a payload's ``lap`` is until a harness wants to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCost:
    """What one step computes and moves: floating-point operations, and bytes between processor and memory.

    ``bytes`` is the traffic if nothing is fused and caches hold nothing; ``least_bytes`` is what has to be read and
    written at least once, however much is fused, by a step that begins with empty caches.
    """

    flops: int
    bytes: int
    least_bytes: int


class Payload(ABC):
    """A built payload: model and data are on the device, and one step can be asked for after another.

    A harness calls ``next_batch`` (host side), ``stage`` (host to device) and the step itself apart, so that each can
    be timed. None of them synchronises the device. Within a step a payload tells ``lap`` the name of each part that it
    has just asked for, so that parts can be timed without waiting for any of them.
    """

    samples_per_step: int
    sample_unit: str = "image"
    model: nn.Module
    lap: Callable[[str], None] = staticmethod(no_lap)
    _engine: Callable[..., Any] | None = None

    @property
    def engine(self) -> Callable[..., Any]:
        """What a step calls: the model, unless a harness has put another way of executing it in its place."""
        return self.model if self._engine is None else self._engine

    @engine.setter
    def engine(self, engine: Callable[..., Any]) -> None:
        self._engine = engine

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Inside, a harness tries a step out; afterwards what the payload itself draws and counts is as it was."""
        yield

    @abstractmethod
    def next_batch(self) -> Any:  # noqa: ANN401 - only the payload knows the shape of its batch
        """Return the next batch in host memory."""

    @abstractmethod
    def stage(self, batch: Any) -> Any:  # noqa: ANN401
        """Return the batch on the payload's device; may be asynchronous."""

    def step_cost(self) -> StepCost | None:
        """Return what one step costs, if the payload knows; None to have it counted on a step before the warm-up.

        A payload whose operators PyTorch cannot see (a captured graph, a kernel of its own), or whose steps must not
        be taken beforehand, has to know, or raises UncountableError with the reason why nobody does.
        """
        return None

    def report(self) -> Report:
        """Return what the payload found out itself; called once, after the last step that counts."""
        return Report()


class InferencePayload(Payload):
    """Answers one request of ``samples_per_step`` samples at a time, in eval and inference mode.

    Several threads may call ``stage`` and ``infer`` at once, each in a CUDA stream of its own; ``next_batch`` is called
    by one at a time. All work is in the current stream, or joined to it.
    """

    @abstractmethod
    def infer(self, batch: Any) -> Any:  # noqa: ANN401
        """Return the model's output for a staged batch; may be asynchronous."""

    def join(self, batches: Sequence[Any]) -> Any:  # noqa: ANN401
        """Return the inputs of several requests as one, in host memory, to be answered together.

        Raises JoiningNotOfferedError where a payload cannot.
        """
        raise JoiningNotOfferedError(type(self).__name__, len(batches))


class TrainingPayload(Payload):
    """Takes one optimiser step at a time.

    ``total_steps`` is None for an endless payload; a study that has an end gives the number of its steps.
    """

    total_steps: int | None = None

    @abstractmethod
    def step(self, batch: Any) -> torch.Tensor:  # noqa: ANN401
        """Take one optimiser step on a staged batch; return the loss, scalar, on the device, not synchronised."""


class GradientTraining(TrainingPayload):
    """Training by the gradient of one loss with one optimiser, each part of a step told to ``lap``.

    ``scaler`` keeps small gradients of half precision from vanishing; a harness that computes in it provides one.
    """

    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler | None = None

    @abstractmethod
    def loss(self, batch: Any) -> torch.Tensor:  # noqa: ANN401
        """Return the loss of a batch, scalar, with its graph; calls ``engine`` where it would call the model."""

    def augment(self, batch: Any) -> Any:  # noqa: ANN401
        """Return the staged batch as this step sees it; what is drawn at random is drawn here."""
        return batch

    def step(self, batch: Any) -> torch.Tensor:  # noqa: ANN401
        """See TrainingPayload."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(self.augment(batch))
        self.lap("forward")
        self._backward(loss)
        self.lap("backward")
        self._update()
        self.lap("optimizer")
        return loss.detach()

    def _backward(self, loss: torch.Tensor) -> None:
        scaled = loss if self.scaler is None else self.scaler.scale(loss)
        scaled.backward()

    def _update(self) -> None:
        if self.scaler is None:
            self.optimizer.step()
        else:
            self.scaler.step(self.optimizer)
            self.scaler.update()


class JoiningNotOfferedError(Exception):
    """A payload was asked to answer several requests together, and cannot."""

    def __init__(self, payload: str, requests: int) -> None:
        super().__init__(f"{payload} cannot answer {requests} requests together; leave load.max_batch at 1")


class CannotExecuteError(Exception):
    """What the payload would be executed with is not to be had here: a result of its run, and no failure."""


class NotInstalledError(CannotExecuteError):
    """The payload needs a package that is not installed; the message says which, and the remedy."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what} is not installed here; {remedy}")


class WrongAnswerError(ArithmeticError):
    """A payload computed something else than it should; a speed of wrong answers is not reported."""


class UncountableError(Exception):
    """What a step costs cannot be counted, or a step may not be taken to count it; the message says why."""


class TaskNotOfferedError(Exception):
    """A workload was asked for a kind of payload that it does not have; its card says which it has."""

    def __init__(self, workload: Workload, task: Task) -> None:
        super().__init__(f"{type(workload).__name__} offers no {task}; the tasks of its card are those that it offers")


class Workload:
    """Builds payloads from validated parameters. Subclasses override what they offer."""

    def inference(self, parameters: Any, context: Context) -> InferencePayload:  # noqa: ANN401, ARG002 - for those who offer it
        """Build the inference payload. Raises TaskNotOfferedError if the card does not offer it."""
        raise TaskNotOfferedError(self, Task.INFERENCE)

    def training(self, parameters: Any, context: Context) -> TrainingPayload:  # noqa: ANN401, ARG002 - for those who offer it
        """Build the training payload. Raises TaskNotOfferedError if the card does not offer it."""
        raise TaskNotOfferedError(self, Task.TRAINING)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOffer:
    """What a workload's model can be executed by, in and with, beyond eager PyTorch in fp32; names as in a request.

    Whoever offers more calls ``engine`` in each step, with tensors of a fixed shape whose first dimension is the batch,
    and trains by :class:`GradientTraining`: that is what a harness needs to put another engine there, and to check it.
    """

    runtimes: tuple[str, ...] = ("eager",)
    precisions: tuple[str, ...] = ("fp32",)
    channels_last: bool = False
    refused: Mapping[str, str] = field(default_factory=dict)
    """Why a runtime, a precision or ``channels_last`` is not offered, by name."""
    otherwise: str = "its steps call the model themselves, so nothing else can be put in its place"
    """Why what is neither offered nor named in ``refused`` is not."""

    def why_not(self, name: str) -> str:
        """Return why the runtime, precision or layout of that name is not offered."""
        return self.refused.get(name, self.otherwise)


EAGER_ONLY = EngineOffer()
ALL_ENGINES = EngineOffer(
    runtimes=("eager", "compile", "cuda_graph", "onnx_runtime"),
    precisions=("fp32", "tf32", "bf16", "fp16"),
    channels_last=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A payload's entry in the catalogue. Holds no torch: ``implementation`` is imported by :meth:`load`."""

    name: str
    title: str
    summary: str
    tasks: frozenset[Task]
    parameters: type[Parameters]
    implementation: str
    """``module:attribute`` of a Workload subclass or of an instance of one."""
    engines: EngineOffer = EAGER_ONLY
    paper: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    """Published figures worth showing beside a measurement, e.g. ``{"parameters": "4.6 M"}``."""

    def load(self) -> Workload:
        """Import the implementation (and with it torch) and return the workload."""
        module, _, attribute = self.implementation.partition(":")
        found = getattr(importlib.import_module(module), attribute)
        return cast("Workload", found() if isinstance(found, type) else found)
