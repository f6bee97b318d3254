"""What each framework has to do with the problem, and how it tells on which device it did so."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from workloads.frameworks.problem import Batch, Floats

CPU, GPU = "cpu", "cuda"
"""Kinds of devices, as PyTorch calls them."""


class WrongDeviceError(RuntimeError):
    """A framework computes elsewhere than on its partition, as one does that finds no GPU: it does not work there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Where the last answer was computed, and what else the framework sees, in its own words."""

    kind: str
    """``cpu`` or ``cuda``; whatever else the framework says where it is neither."""
    computed_on: str
    seen: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """Of the framework, as it tells itself, and of what it stands on, by name."""

    framework: str
    companions: Mapping[str, str] = field(default_factory=dict)


class Program(ABC):
    """The problem in one framework: an InferenceProgram, a TrainingProgram, or both.

    A framework takes the device that it would take by itself: whether that is the partition's is what a probe asks.
    Those that are told a device (PyTorch, ONNX Runtime) are told the partition's.
    """

    versions: Versions

    @abstractmethod
    def whereabouts(self) -> Whereabouts:
        """Return where the last answer was computed."""

    def close(self) -> None:  # noqa: B027 - most leave nothing behind
        """Let go of what would outlive the program; called once, after the last step."""


class InferenceProgram(Program):
    """One that answers. A call returns when its answer is in host memory."""

    @abstractmethod
    def infer(self, images: Floats) -> Floats:
        """Return the network's answer to the images, NC."""


class TrainingProgram(Program):
    """One that learns. A call returns when its loss is in host memory."""

    @abstractmethod
    def train(self, batch: Batch) -> float:
        """Take a step down the gradient of the batch's loss; return the loss before it."""
