"""The problem in PyTorch: eager, and by torch.compile."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from workloads.frameworks.problem import CLASSES, FILTERS, KERNEL, LEARNING_RATE, Batch, Floats, Problem, Weights
from workloads.frameworks.programs.program import InferenceProgram, TrainingProgram, Versions, Whereabouts


def network(weights: Weights) -> nn.Sequential:
    """Return the network with these weights, on the CPU."""
    convolution, linear = nn.Conv2d(1, FILTERS, KERNEL), nn.Linear(FILTERS, CLASSES)
    with torch.no_grad():
        convolution.weight.copy_(torch.from_numpy(weights.filters))
        convolution.bias.copy_(torch.from_numpy(weights.filter_bias))  # type: ignore[union-attr]
        linear.weight.copy_(torch.from_numpy(weights.linear.T))
        linear.bias.copy_(torch.from_numpy(weights.linear_bias))
    return nn.Sequential(convolution, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear)


def versions() -> Versions:
    """Return PyTorch's own, and those of CUDA and cuDNN that it was built with."""
    companions = {} if torch.version.cuda is None else {"cuda": torch.version.cuda}
    if torch.backends.cudnn.is_available():
        companions["cudnn"] = str(torch.backends.cudnn.version())
    return Versions(framework=torch.__version__, companions=companions)


def whereabouts(answer: Tensor) -> Whereabouts:
    """Return where a tensor lies, and the GPUs that PyTorch sees."""
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    place = str(answer.device)
    if answer.device.type == "cuda":
        place = f"{place} ({torch.cuda.get_device_name(answer.device)})"
    return Whereabouts(kind=answer.device.type, computed_on=place, seen=("cpu", *names))


class Eager(InferenceProgram, TrainingProgram):
    """Operator by operator."""

    def __init__(self, problem: Problem, device: torch.device) -> None:
        self.versions = versions()
        self._device = device
        self.model = network(problem.weights).to(device)
        self._call = self.called()
        self._optimizer = torch.optim.SGD(self.model.parameters(), lr=LEARNING_RATE)

    def called(self) -> Callable[[Tensor], Tensor]:
        """Return what a step calls."""
        return self.model

    def infer(self, images: Floats) -> Floats:
        """See InferenceProgram."""
        with torch.inference_mode():
            answer = self._call(torch.from_numpy(images).to(self._device))
        self._answer = answer
        logits: Floats = answer.cpu().numpy()
        return logits

    def train(self, batch: Batch) -> float:
        """See TrainingProgram."""
        images, labels = (torch.from_numpy(value).to(self._device) for value in (batch.images, batch.labels))
        self._optimizer.zero_grad(set_to_none=True)
        self._answer = self._call(images)
        loss = functional.cross_entropy(self._answer, labels)
        loss.backward()
        self._optimizer.step()
        return loss.item()

    def whereabouts(self) -> Whereabouts:
        """See Program."""
        return whereabouts(self._answer)


class Compiled(Eager):
    """The whole network as one compiled graph; a graph that breaks is an error, not a way out."""

    def called(self) -> Callable[[Tensor], Tensor]:
        """Return the model compiled; that happens at its first call."""
        return torch.compile(self.model, fullgraph=True)
