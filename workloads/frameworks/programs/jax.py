"""The problem in JAX, compiled by XLA, on JAX's own default device."""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from workloads.frameworks.problem import LEARNING_RATE, Batch, Floats, Problem
from workloads.frameworks.programs.program import CPU, GPU, InferenceProgram, TrainingProgram, Versions, Whereabouts

if TYPE_CHECKING:
    import torch

_KINDS = {"cpu": CPU, "gpu": GPU, "cuda": GPU}


def _logits(weights: dict[str, Any], images: Any) -> Any:  # noqa: ANN401 - JAX traces it
    layout = ("NCHW", "OIHW", "NCHW")
    hidden = jax.lax.conv_general_dilated(images, weights["filters"], (1, 1), "VALID", dimension_numbers=layout)
    pooled = jax.nn.relu(hidden + weights["filter_bias"][:, None, None]).mean(axis=(2, 3))
    return pooled @ weights["linear"] + weights["linear_bias"]


def _loss(weights: dict[str, Any], images: Any, labels: Any) -> Any:  # noqa: ANN401
    shares = jax.nn.log_softmax(_logits(weights, images))
    return -jax.numpy.take_along_axis(shares, labels[:, None], axis=1).mean()


def _descend(weights: dict[str, Any], images: Any, labels: Any) -> Any:  # noqa: ANN401
    loss, gradients = jax.value_and_grad(_loss)(weights, images, labels)
    return loss, jax.tree.map(lambda weight, gradient: weight - LEARNING_RATE * gradient, weights, gradients)


class Jax(InferenceProgram, TrainingProgram):
    """One compiled function for inference, one for a training step."""

    def __init__(self, problem: Problem, device: "torch.device") -> None:  # noqa: ARG002 - JAX takes its default
        self.versions = Versions(framework=jax.__version__, companions={"jaxlib": version("jaxlib")})
        names = ("filters", "filter_bias", "linear", "linear_bias")
        self._weights: dict[str, Any] = {name: jax.numpy.asarray(getattr(problem.weights, name)) for name in names}
        self._infer, self._descend = jax.jit(_logits), jax.jit(_descend)

    def infer(self, images: Floats) -> Floats:
        """See InferenceProgram."""
        self._answer = answer = self._infer(self._weights, images)
        logits: Floats = np.asarray(answer)
        return logits

    def train(self, batch: Batch) -> float:
        """See TrainingProgram."""
        self._answer, self._weights = self._descend(self._weights, batch.images, batch.labels.astype(np.int32))
        return float(self._answer)

    def whereabouts(self) -> Whereabouts:
        """Return the device that holds the last answer."""
        (place,) = self._answer.devices()
        kind = _KINDS.get(place.platform, place.platform)
        return Whereabouts(kind=kind, computed_on=_named(place), seen=tuple(map(_named, jax.devices())))


def _named(device: jax.Device) -> str:
    return f"{device} ({device.device_kind})"
