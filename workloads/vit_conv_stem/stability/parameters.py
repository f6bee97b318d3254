"""What a user may set on the stability study. Holds no torch.

Settings are drawn from a range around a good value, from an eighth of it to four times it, as in the paper.
"""

from pydantic import Field, field_validator

from workloads.base import Parameters
from workloads.image_parameters import OptimizerName

SPREAD_BELOW, SPREAD_ABOVE = 8.0, 4.0


class StabilityParameters(Parameters):
    """Size of the study and the middle of its ranges; the defaults suit its small models, not the paper's."""

    trials: int = Field(
        default=16, ge=1, le=1024, description="Random settings tried for each stem and optimiser (count)."
    )
    steps: int = Field(default=300, ge=2, le=100_000, description="Optimiser steps of one trial (count).")
    batch_size: int = Field(default=96, ge=2, le=1400, description="Images in one step (count).")
    optimizers: tuple[OptimizerName, ...] = Field(
        default=(OptimizerName.ADAMW, OptimizerName.SGD), min_length=1, description="Optimisers compared (names)."
    )
    adamw_learning_rate: float = Field(
        default=2e-3, gt=0, description="Good learning rate of AdamW, used as it stands (per step)."
    )
    adamw_weight_decay: float = Field(default=0.2, gt=0, description="Good weight decay of AdamW (coefficient).")
    sgd_learning_rate: float = Field(
        default=0.1, gt=0, description="Good learning rate of SGD, used as it stands (per step)."
    )
    sgd_weight_decay: float = Field(default=3e-5, gt=0, description="Good weight decay of SGD (coefficient).")
    spread_below: float = Field(
        default=SPREAD_BELOW, ge=1, description="Ranges begin at the good value divided by this (ratio)."
    )
    spread_above: float = Field(
        default=SPREAD_ABOVE, ge=1, description="Ranges end at the good value times this (ratio)."
    )

    @field_validator("optimizers")
    @classmethod
    def _each_once(cls, names: tuple[OptimizerName, ...]) -> tuple[OptimizerName, ...]:
        if len(set(names)) < len(names):
            raise ValueError(f"each optimiser may be named once, not {', '.join(names)}")
        return names
