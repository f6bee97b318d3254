"""The probe of a server: one request is answered and checked before anything is timed, and every one after it as well.

The server runs already, on a device of its own choosing, whatever partition the probe is on.
"""

import numpy as np
import torch
from pydantic import JsonValue
from torch import Tensor, nn

from workloads.base import (
    CannotExecuteError,
    Context,
    Figure,
    InferencePayload,
    Report,
    StepCost,
    UncountableError,
    Workload,
    WrongAnswerError,
)
from workloads.frameworks.exchange import Exchange, ServerGoneError
from workloads.frameworks.facts import DEVICE, FRAMEWORK, OBSTACLE, VERSION, Obstacle
from workloads.frameworks.parameters import Answer, ServingParameters
from workloads.frameworks.problem import Doubles, Floats, error, logits, problem
from workloads.frameworks.protocols import DEVICE_UNKNOWN, SPEAKERS, ServerFacts, Speaker


class ServerNotReachedError(CannotExecuteError):
    """No server answers at the address given, so nothing is known of it."""


class ServingProbe(InferencePayload):
    """Asks the same again and again. A step includes making JSON of the input, and reading and checking the answer."""

    def __init__(self, parameters: ServingParameters, context: Context) -> None:
        self.model = nn.Identity()
        self._parameters = parameters
        context.tell({FRAMEWORK: parameters.protocol.value, VERSION: None, DEVICE: None})
        self._speaker = SPEAKERS[parameters.protocol](Exchange(parameters.url, parameters.timeout_s), parameters)
        self._told = _introduced(self._speaker, context)
        self._inputs, self._reference = _question(parameters, context.seed)
        self.samples_per_step = len(self._inputs)
        self._worst = 0.0
        self.infer(self.next_batch())

    def next_batch(self) -> Floats:
        """See Payload."""
        return self._inputs

    def stage(self, batch: Floats) -> Floats:
        """Return the batch as it is."""
        return batch

    def infer(self, batch: Floats) -> Tensor:
        """Return what the server answers. Raises ServerError and WrongAnswerError."""
        answer = self._speaker.ask(self._speaker.request(batch))
        if not answer.size or not np.isfinite(answer).all():
            raise WrongAnswerError(f"the answer of {self._parameters.model!r} is empty, or not all of it is finite")
        if self._reference is not None:
            self._worst = max(self._worst, error(answer, self._reference))
        return torch.from_numpy(answer)

    def step_cost(self) -> StepCost:
        """Raise UncountableError."""
        raise UncountableError("the server computes, and does not tell what")

    def report(self) -> Report:
        """Return the largest difference from NumPy of any answer, if there is a reference, and the table ``server``."""
        self._speaker.exchange.close()
        unknown = f"with answer = {self._parameters.answer} there is no reference"
        worst = Figure(
            name="answer_error",
            value=None if self._reference is None else self._worst,
            unit="1",
            absent=unknown if self._reference is None else None,
        )
        table: JsonValue = {
            "protocol": self._parameters.protocol.value,
            "url": self._parameters.url,
            "model": self._parameters.model,
            "version": self._told.version,
            "device": self._told.device,
            "device_unknown": None if self._told.device else DEVICE_UNKNOWN,
        }
        return Report(figures=(worst,), tables={"server": table})


class ServingWorkload(Workload):
    """Offers inference only."""

    def inference(self, parameters: ServingParameters, context: Context) -> ServingProbe:
        """Build the probe. Raises ServerNotReachedError, ServerError, WrongAnswerError."""
        return ServingProbe(parameters, context)


def _introduced(speaker: Speaker, context: Context) -> ServerFacts:
    try:
        told = speaker.introduce()
    except ServerGoneError as error:
        context.tell({OBSTACLE: Obstacle.NOT_REACHED.value})
        raise ServerNotReachedError(str(error)) from error
    context.tell({VERSION: told.version, DEVICE: told.device})
    return told


def _question(parameters: ServingParameters, seed: int) -> tuple[Floats, Doubles | None]:
    """Return the input, and what the answer has to be if that is known."""
    asked = problem(seed)
    images = asked.batches[0].images
    if parameters.answer is Answer.PROBE:
        return images, logits(asked.weights, images)
    if parameters.input_shape is None:
        return images, None
    return np.random.default_rng(seed).standard_normal(parameters.input_shape, dtype=np.float32), None
