"""Optimisers as the recipe sets them: which parameters decay, and a learning rate that goes with the batch.

AdamW has betas (0.9, 0.999) and epsilon 1e-8; SGD has Nesterov's momentum of 0.9. Gradients are not clipped.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from workloads.image_parameters import OptimizerName

REFERENCE_BATCH = 2048
"""The batch that the published learning rates are for (images)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """A learning rate, for batches of 2048, and the weight decay that was found with it."""

    learning_rate: float
    weight_decay: float

    def scaled_to(self, batch_size: int) -> "Tuned":
        """Return the setting for another batch: the learning rate is proportional to it, the decay stays."""
        rate = self.learning_rate * batch_size / REFERENCE_BATCH
        return Tuned(learning_rate=rate, weight_decay=self.weight_decay)

    def overridden(self, learning_rate: float | None, weight_decay: float | None) -> "Tuned":
        """Return the setting with whatever the user gave put in its place."""
        return Tuned(
            learning_rate=self.learning_rate if learning_rate is None else learning_rate,
            weight_decay=self.weight_decay if weight_decay is None else weight_decay,
        )


TunedByOptimizer = Mapping[OptimizerName, Tuned]


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return two optimiser groups: decay for matrices, kernels, class token and positions; none for vectors.

    The vectors are all biases and the gains of batch and layer norms. The paper calls leaving them alone crucial for
    small models and short schedules.
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [parameter for parameter in parameters if parameter.ndim > 1], "weight_decay": weight_decay},
        {"params": [parameter for parameter in parameters if parameter.ndim <= 1], "weight_decay": 0.0},
    ]


def build_optimizer(model: nn.Module, name: OptimizerName, setting: Tuned) -> torch.optim.Optimizer:
    """Return the optimiser over the model's two groups, at a learning rate used as it stands."""
    groups = parameter_groups(model, setting.weight_decay)
    if name is OptimizerName.ADAMW:
        return torch.optim.AdamW(groups, lr=setting.learning_rate, betas=(0.9, 0.999), eps=1e-8)
    return torch.optim.SGD(groups, lr=setting.learning_rate, momentum=0.9, nesterov=True)


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Use ``learning_rate`` for every group from the next step on."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
