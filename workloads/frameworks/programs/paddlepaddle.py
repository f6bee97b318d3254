"""The problem in PaddlePaddle, operator by operator, on PaddlePaddle's own default device."""

from typing import TYPE_CHECKING, Any

import paddle
from paddle import nn

from workloads.frameworks.problem import CLASSES, FILTERS, KERNEL, LEARNING_RATE, Batch, Floats, Problem, Weights
from workloads.frameworks.programs.program import CPU, GPU, InferenceProgram, TrainingProgram, Versions, Whereabouts

if TYPE_CHECKING:
    import torch


class PaddlePaddle(InferenceProgram, TrainingProgram):
    """A network of layers and an optimiser."""

    def __init__(self, problem: Problem, device: "torch.device") -> None:  # noqa: ARG002 - it takes its default
        companions = {"cuda": str(paddle.version.cuda())} if paddle.device.is_compiled_with_cuda() else {}
        self.versions = Versions(framework=paddle.__version__, companions=companions)
        self._model = _network(problem.weights)
        self._optimizer = paddle.optimizer.SGD(learning_rate=LEARNING_RATE, parameters=self._model.parameters())

    def infer(self, images: Floats) -> Floats:
        """See InferenceProgram."""
        with paddle.no_grad():
            self._answer = answer = self._model(paddle.to_tensor(images))
        logits: Floats = answer.numpy()
        return logits

    def train(self, batch: Batch) -> float:
        """See TrainingProgram."""
        logits = self._model(paddle.to_tensor(batch.images))
        self._answer = nn.functional.cross_entropy(logits, paddle.to_tensor(batch.labels))
        self._answer.backward()
        self._optimizer.step()
        self._optimizer.clear_grad()
        return float(self._answer)

    def whereabouts(self) -> Whereabouts:
        """Return the place of the last answer."""
        place = self._answer.place
        kind = GPU if place.is_gpu_place() else CPU if place.is_cpu_place() else str(place)
        gpus = range(paddle.device.cuda.device_count())
        return Whereabouts(
            kind=kind, computed_on=str(place), seen=("cpu", *map(paddle.device.cuda.get_device_name, gpus))
        )


def _network(weights: Weights) -> Any:  # noqa: ANN401 - PaddlePaddle has no types to check
    convolution, linear = nn.Conv2D(1, FILTERS, KERNEL), nn.Linear(FILTERS, CLASSES)
    convolution.weight.set_value(weights.filters)
    convolution.bias.set_value(weights.filter_bias)
    linear.weight.set_value(weights.linear)
    linear.bias.set_value(weights.linear_bias)
    return nn.Sequential(convolution, nn.ReLU(), nn.AdaptiveAvgPool2D(1), nn.Flatten(), linear)
