"""The moving average of the weights, which the recipe evaluates instead of the weights themselves."""

import copy

import torch
from torch import nn

from workloads.recipe.schedule import WARMUP_EPOCHS

UPDATE_PERIOD = 32
"""Steps between two updates of the average."""


def average_alpha(epoch: float, *, batch_size: int, epochs: float) -> float:
    """Return the weight of the newest parameters in an update.

    1, a plain copy, while the learning rate warms up; then less the longer the training, so that it averages over a
    like share of it.
    """
    if epoch < WARMUP_EPOCHS:
        return 1.0
    return min(1.0, 1e-5 * batch_size / epochs * UPDATE_PERIOD)


class WeightAverage:
    """A copy of a model whose parameters and buffers follow the original's at a distance."""

    def __init__(self, model: nn.Module) -> None:
        self.model = copy.deepcopy(model).requires_grad_(requires_grad=False)

    @torch.no_grad()
    def update(self, source: nn.Module, alpha: float) -> None:
        """Move the average by ``alpha`` of the way to ``source``. Integers (batch norm's counter) are copied."""
        for mine, theirs in zip(self.model.state_dict().values(), source.state_dict().values(), strict=True):
            if mine.is_floating_point() and alpha < 1:
                mine.lerp_(theirs, alpha)
            else:
                mine.copy_(theirs)
