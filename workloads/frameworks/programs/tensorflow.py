"""The problem in TensorFlow, as graphs of tf.function, on TensorFlow's own default device."""

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from workloads.frameworks.problem import LEARNING_RATE, Batch, Floats, Problem
from workloads.frameworks.programs.program import CPU, GPU, InferenceProgram, TrainingProgram, Versions, Whereabouts

if TYPE_CHECKING:
    import torch

_KINDS = {"CPU": CPU, "GPU": GPU}


class TensorFlow(InferenceProgram, TrainingProgram):
    """Variables and two graphs. Channels come last, since TensorFlow's CPU kernels convolve in no other order."""

    def __init__(self, problem: Problem, device: "torch.device") -> None:  # noqa: ARG002 - it takes its default
        build = tf.sysconfig.get_build_info()
        built_with = {name: str(build[f"{name}_version"]) for name in ("cuda", "cudnn") if f"{name}_version" in build}
        self.versions = Versions(framework=tf.__version__, companions=built_with)
        weights = problem.weights
        self._filters = tf.Variable(weights.filters.transpose(2, 3, 1, 0))
        self._rest = [tf.Variable(value) for value in (weights.filter_bias, weights.linear, weights.linear_bias)]
        self._infer, self._descend = tf.function(self._logits), tf.function(self._step)

    def infer(self, images: Floats) -> Floats:
        """See InferenceProgram."""
        self._answer = answer = self._infer(_channels_last(images))
        logits: Floats = answer.numpy()
        return logits

    def train(self, batch: Batch) -> float:
        """See TrainingProgram."""
        self._answer = self._descend(_channels_last(batch.images), tf.constant(batch.labels))
        return float(self._answer.numpy())

    def whereabouts(self) -> Whereabouts:
        """Return the device that holds the last answer, such as ``/device:CPU:0``."""
        name = str(self._answer.device)
        kind = name.rpartition("device:")[2].partition(":")[0]
        seen = tuple(map(_named, tf.config.list_physical_devices()))
        return Whereabouts(kind=_KINDS.get(kind, kind), computed_on=name, seen=seen)

    def _logits(self, images: Any) -> Any:  # noqa: ANN401 - TensorFlow traces it
        filter_bias, linear, linear_bias = self._rest
        hidden = tf.nn.conv2d(images, self._filters, strides=1, padding="VALID") + filter_bias
        return tf.reduce_mean(tf.nn.relu(hidden), axis=(1, 2)) @ linear + linear_bias

    def _step(self, images: Any, labels: Any) -> Any:  # noqa: ANN401
        variables = [self._filters, *self._rest]
        with tf.GradientTape() as tape:
            each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=self._logits(images))
            loss = tf.reduce_mean(each)
        for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
            variable.assign_sub(LEARNING_RATE * gradient)
        return loss


def _named(device: Any) -> str:  # noqa: ANN401 - TensorFlow's own
    name = tf.config.experimental.get_device_details(device).get("device_name")
    return str(device.name) if name is None else f"{device.name} ({name})"


def _channels_last(images: Floats) -> Any:  # noqa: ANN401 - TensorFlow's tensor
    return tf.constant(np.ascontiguousarray(images.transpose(0, 2, 3, 1)))
