"""One trial: a small transformer, its optimiser and its schedule, from the first step to the test error.

The models are a stand-in for the paper's at a size that a CPU trains in seconds. They keep its rule that the
convolutional stem is paid for with one transformer block. The stem is drawn as in the authors' draft: with the kernels
of their release, two to five times larger, it hardly changes in a few hundred steps.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from workloads.data.procedural import ImageBatch
from workloads.layers.attention import BlockConfig
from workloads.recipe.optimisation import build_optimizer, set_learning_rate
from workloads.recipe.schedule import learning_rate_at
from workloads.seeding import seeded
from workloads.vit_conv_stem.model import VisionTransformer, ViTConfig
from workloads.vit_conv_stem.stability.digits import CANVAS, CLASSES
from workloads.vit_conv_stem.stability.trials import Outcome, StemName, Trial
from workloads.vit_conv_stem.stem import StemConfig, StemInitialisation, doubling

SMOOTHING = 0.1
WARMUP_FRACTION = 0.1

_PATCHIFY = ViTConfig(
    block=BlockConfig(width=64, heads=2, mlp_ratio=3),
    blocks=4,
    stem=StemConfig(projection_kernel=8, input_channels=1),
    image_size=CANVAS,
    classes=CLASSES,
)
_CONVOLUTIONAL_STEM = replace(doubling(16, (2, 2, 2), input_channels=1), initialisation=StemInitialisation.DRAFT)
SMALL_MODELS = {
    StemName.PATCHIFY: _PATCHIFY,
    StemName.CONVOLUTIONAL: replace(_PATCHIFY, blocks=3, stem=_CONVOLUTIONAL_STEM),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingOutcome:
    """A finished trial; the device may still be at work on its wrong answers and on whether all losses were finite."""

    trial: Trial
    wrong: Tensor
    finite: Tensor
    tested: int

    def resolve(self) -> Outcome:
        """Wait for the device and return the outcome."""
        error_pct = 100 * int(self.wrong) / self.tested if bool(self.finite) else None
        return Outcome(trial=self.trial, error_pct=error_pct)


class TrialTraining:
    """Trains the trial's model for ``steps`` steps. Never waits for the device."""

    def __init__(self, trial: Trial, *, steps: int, seed: int, device: torch.device) -> None:
        self.trial = trial
        with seeded(seed):
            self.model = VisionTransformer(SMALL_MODELS[trial.arm.stem])
        self.model.to(device).train()
        self.optimizer = build_optimizer(self.model, trial.arm.optimizer, trial.setting)
        self._steps = steps
        self._done = 0
        self._finite = torch.ones((), dtype=torch.bool, device=device)

    @property
    def finished(self) -> bool:
        """Whether all steps were taken."""
        return self._done == self._steps

    def step(self, batch: ImageBatch) -> Tensor:
        """Take one step and return the loss in nats. A diverged model goes on to its end, at the same cost."""
        set_learning_rate(self.optimizer, self._learning_rate())
        self.optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(self.model(batch.images), batch.labels, label_smoothing=SMOOTHING)
        torch.autograd.backward(loss)
        self.optimizer.step()
        self._done += 1
        self._finite &= loss.detach().isfinite()
        return loss.detach()

    @torch.inference_mode()
    def test(self, batch: ImageBatch) -> PendingOutcome:
        """Return the outcome on the test images."""
        answers: Tensor = self.model.eval()(batch.images).argmax(dim=1)
        wrong = (answers != batch.labels).sum()
        return PendingOutcome(trial=self.trial, wrong=wrong, finite=self._finite, tested=len(batch.labels))

    def _learning_rate(self) -> float:
        """Return the recipe's schedule with steps in place of epochs, beginning at the first step and not before it."""
        base = self.trial.setting.learning_rate
        return learning_rate_at(self._done, base=base, epochs=self._steps, warmup_epochs=WARMUP_FRACTION * self._steps)
