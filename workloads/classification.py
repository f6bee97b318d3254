"""Inference and training payloads of any image classifier, and the workload that builds them.

The model maps images (B, 3, S, S) to logits (B, K). Training is a real step: mixed images and soft targets, forward,
backward and the optimiser. The learning rate stays at its value, as a benchmark has no epochs to schedule.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from workloads.base import Context, GradientTraining, InferencePayload, Report, Task, Workload
from workloads.data.pool import BatchPool, fill_pool, joined
from workloads.data.procedural import GratingImages, ImageBatch
from workloads.image_parameters import ImageParameters, OptimizerName
from workloads.losses import FirstAndLastLoss
from workloads.pooled import PooledPayload
from workloads.recipe.averaging import UPDATE_PERIOD, WeightAverage, average_alpha
from workloads.recipe.mixing import BatchMixer
from workloads.recipe.optimisation import Tuned, build_optimizer
from workloads.recipe.schedule import WARMUP_EPOCHS
from workloads.seeding import seeded

AVERAGE_EPOCHS = 400
"""Length of training that the moving average is set for: the paper's longest, as a benchmark has none of its own."""


class ModelBuilder(Protocol):
    """Makes a freshly initialised classifier for square images."""

    def __call__(self, *, image_size: int, classes: int, task: Task) -> nn.Module:
        """Return a model that maps (B, 3, image_size, image_size) to (B, classes).

        One that is to infer answers with logits that differ, so that it can be told whether they are right.
        """


class ClassifierInference(PooledPayload[ImageBatch], InferencePayload):
    """Classifies one batch of pooled images at a time; the answer is logits (B, K)."""

    def __init__(
        self, model: nn.Module, pool: BatchPool[ImageBatch], parameters: ImageParameters, device: torch.device
    ) -> None:
        self.samples_per_step = parameters.batch_size
        self.model = model.to(device).eval()
        self._pool = pool
        self._device = device

    def infer(self, batch: ImageBatch) -> Tensor:
        """Return logits (B, K)."""
        with torch.inference_mode():
            logits: Tensor = self.engine(batch.images)
        return logits

    def join(self, batches: Sequence[ImageBatch]) -> ImageBatch:
        """Return the images of several requests as one batch."""
        return joined(batches)


@dataclass(frozen=True, slots=True, kw_only=True)
class MixedImages:
    """Images (B, 3, S, S) as a step trains on them, and how much of each class is in each of them (B, K)."""

    images: Tensor
    targets: Tensor


class ClassifierTraining(PooledPayload[ImageBatch], GradientTraining):
    """Trains on pooled images without end."""

    def __init__(
        self,
        model: nn.Module,
        pool: BatchPool[ImageBatch],
        parameters: ImageParameters,
        setting: Tuned,
        context: Context,
    ) -> None:
        self.samples_per_step = parameters.batch_size
        self.model = model.to(context.device).train()
        self.optimizer = build_optimizer(self.model, parameters.optimizer, setting)
        self._mixer = BatchMixer(parameters.classes, seed=context.seed)
        self._average = WeightAverage(self.model) if parameters.weight_average else None
        self._average_alpha = average_alpha(WARMUP_EPOCHS, batch_size=parameters.batch_size, epochs=AVERAGE_EPOCHS)
        self._pool = pool
        self._device = context.device
        self._steps = 0
        self._losses = FirstAndLastLoss()

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """See Payload."""
        mixer, self._mixer = self._mixer, copy.deepcopy(self._mixer)
        try:
            with super().rehearsal():
                yield
        finally:
            self._mixer = mixer

    def augment(self, batch: ImageBatch) -> MixedImages:
        """Return mixed images with their soft targets."""
        images, targets = self._mixer(batch.images, batch.labels)
        return MixedImages(images=images, targets=targets)

    def loss(self, batch: MixedImages) -> Tensor:
        """Return the soft-target cross-entropy in nats, a scalar on the device."""
        return functional.cross_entropy(self.engine(batch.images), batch.targets)

    def step(self, batch: ImageBatch) -> Tensor:
        """Take one optimiser step and return the loss in nats, a scalar on the device."""
        loss = super().step(batch)
        self._after_step(loss)
        return loss

    def report(self) -> Report:
        """Return the loss of the first step and of the last. Waits for the device."""
        return Report(figures=self._losses.figures())

    def _after_step(self, loss: Tensor) -> None:
        self._losses.note(loss)
        self._steps += 1
        if self._average is not None and self._steps % UPDATE_PERIOD == 0:
            self._average.update(self.model, self._average_alpha)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageClassification(Workload):
    """A classifier as a workload: how it is built, and the published setting for each optimiser.

    A seed fixes weights, images and mixing. Weights and images are made on the CPU, so they are the same on all
    devices, and the caller's random state is left alone.
    """

    build: ModelBuilder
    tuned: Mapping[OptimizerName, Tuned]

    def inference(self, parameters: ImageParameters, context: Context) -> ClassifierInference:
        """Return the inference payload."""
        model, pool = self._model(parameters, context, Task.INFERENCE), _pool(parameters, context)
        return ClassifierInference(model, pool, parameters, context.device)

    def training(self, parameters: ImageParameters, context: Context) -> ClassifierTraining:
        """Return the training payload."""
        model, pool = self._model(parameters, context, Task.TRAINING), _pool(parameters, context)
        return ClassifierTraining(model, pool, parameters, self.setting(parameters), context)

    def setting(self, parameters: ImageParameters) -> Tuned:
        """Return learning rate and weight decay: the user's, or else the published ones scaled to the batch."""
        published = self.tuned[parameters.optimizer].scaled_to(parameters.batch_size)
        return published.overridden(parameters.learning_rate, parameters.weight_decay)

    def _model(self, parameters: ImageParameters, context: Context, task: Task) -> nn.Module:
        with seeded(context.seed):
            return self.build(image_size=parameters.image_size, classes=parameters.classes, task=task)


def _pool(parameters: ImageParameters, context: Context) -> BatchPool[ImageBatch]:
    return fill_pool(
        GratingImages(classes=parameters.classes, side=parameters.image_size),
        batch_size=parameters.batch_size,
        size=parameters.data_pool,
        seed=context.seed,
        pinned=context.device.type == "cuda",
    )
