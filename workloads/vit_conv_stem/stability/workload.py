"""The stability study as a training payload that has an end: all trials, one optimiser step at a time.

The last step of a trial also tests it and builds the model of the next, so it takes longer than the others. Nothing
waits for the device before the report.
"""

import torch
from torch import Tensor

from workloads.base import Context, Report, TrainingPayload, Workload
from workloads.data.pool import move
from workloads.data.procedural import ImageBatch
from workloads.vit_conv_stem.stability.digits import Digits, load_split
from workloads.vit_conv_stem.stability.parameters import StabilityParameters
from workloads.vit_conv_stem.stability.report import report_on
from workloads.vit_conv_stem.stability.training import PendingOutcome, TrialTraining
from workloads.vit_conv_stem.stability.trials import Outcome, Trial, plan


class StudyFinishedError(RuntimeError):
    """A step was asked for after the last trial; ask for no more than ``total_steps``."""


class StabilityStudy(TrainingPayload):
    """Trains every planned trial. All trials start from the study's seed and see the same batches in the same order."""

    total_steps: int
    sample_unit = "image"

    def __init__(self, parameters: StabilityParameters, context: Context) -> None:
        self.samples_per_step = parameters.batch_size
        self.trials = plan(parameters, context.seed)
        self.total_steps = len(self.trials) * parameters.steps
        self._parameters, self._context = parameters, context
        self._train_digits, test_digits = load_split()
        self._test_batch = move(_all_of(test_digits, context.seed), context.device)
        self._drawn = self._taken = 0
        self._generator = torch.Generator()
        self._pending: list[PendingOutcome] = []
        self._begin(self.trials[0])

    def next_batch(self) -> ImageBatch:
        """Return new canvases with digits drawn evenly; the sequence begins anew with each trial."""
        if self._drawn % self._parameters.steps == 0:
            self._generator.manual_seed(self._context.seed)
        self._drawn += 1
        return _draw(self._train_digits, self._parameters.batch_size, self._generator, self._context.device)

    def stage(self, batch: ImageBatch) -> ImageBatch:
        """Start the copy to the device."""
        return move(batch, self._context.device)

    def step(self, batch: ImageBatch) -> Tensor:
        """Take the current trial's next step and return its loss in nats. Raises StudyFinishedError."""
        if self._taken == self.total_steps:
            raise StudyFinishedError(f"all {self.total_steps} steps of the study were taken")
        loss = self._training.step(batch)
        self._taken += 1
        if self._training.finished:
            self._close_trial()
        return loss

    def report(self) -> Report:
        """Return figures and the table ``edf`` of the trials that were finished. Waits for the device."""
        return report_on(self.outcomes())

    def outcomes(self) -> list[Outcome]:
        """Return what became of each finished trial, in the order of the trials. Waits for the device."""
        return [pending.resolve() for pending in self._pending]

    def _close_trial(self) -> None:
        self._pending.append(self._training.test(self._test_batch))
        if self._taken < self.total_steps:
            self._begin(self.trials[len(self._pending)])

    def _begin(self, trial: Trial) -> None:
        self._training = TrialTraining(
            trial, steps=self._parameters.steps, seed=self._context.seed, device=self._context.device
        )
        self.model = self._training.model


class StabilityWorkload(Workload):
    """Offers training only."""

    def training(self, parameters: StabilityParameters, context: Context) -> StabilityStudy:
        """Return a study that is ready for its first step."""
        return StabilityStudy(parameters, context)


def _draw(digits: Digits, count: int, generator: torch.Generator, device: torch.device) -> ImageBatch:
    """Return a batch in host memory, page-locked if it is bound for a GPU."""
    picks = torch.randint(len(digits.labels), (count,), generator=generator)
    images, labels = digits.canvases(picks, generator), digits.labels[picks]
    if device.type == "cuda":
        return ImageBatch(images=images.pin_memory(), labels=labels.pin_memory())
    return ImageBatch(images=images, labels=labels)


def _all_of(digits: Digits, seed: int) -> ImageBatch:
    """Return every digit once, each on a canvas that the seed fixes."""
    picks = torch.arange(len(digits.labels))
    return ImageBatch(images=digits.canvases(picks, torch.Generator().manual_seed(seed)), labels=digits.labels)
