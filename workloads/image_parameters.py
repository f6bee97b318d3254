"""What a user may set on an image-classification payload. Holds no torch."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from workloads.base import Parameters

POOL_LIMIT_BYTES = 16 * 2**30
"""Above this the pool of batches made in advance would be likely to push a host into swapping."""

_BYTES_PER_PIXEL = 3 * 4  # three channels of float32


class OptimizerName(StrEnum):
    """The two optimisers that the recipe of arXiv 2106.14881 is given for."""

    ADAMW = "adamw"
    SGD = "sgd"


class ImageParameters(Parameters):
    """Shared by all image classifiers; inference ignores the fields that only training uses."""

    batch_size: int = Field(default=32, ge=1, le=4096, description="Images in one step or request (count).")
    image_size: int = Field(default=224, ge=32, le=1024, description="Height and width of an image (pixels).")
    classes: int = Field(default=1000, ge=2, le=100_000, description="Classes told apart (count).")
    data_pool: int = Field(
        default=4,
        ge=1,
        le=1024,
        description="Different batches generated in advance in host memory and then cycled through (count).",
    )
    optimizer: OptimizerName = Field(default=OptimizerName.ADAMW, description="Optimiser of the training step.")
    learning_rate: float | None = Field(
        default=None,
        gt=0,
        description="Learning rate (per step); null takes the published one, scaled linearly from batch 2048.",
    )
    weight_decay: float | None = Field(
        default=None,
        ge=0,
        description="Decay of all parameters but biases and norms (coefficient); null takes the published one.",
    )
    weight_average: bool = Field(
        default=False,
        description="Keep the recipe's moving average of the weights: a copy of the model in device memory, and every "
        "32nd step longer (switch).",
    )

    @model_validator(mode="after")
    def _pool_fits_a_host(self) -> Self:
        pool_bytes = self.data_pool * self.batch_size * self.image_size**2 * _BYTES_PER_PIXEL
        if pool_bytes > POOL_LIMIT_BYTES:
            raise ValueError(
                f"data_pool x batch_size x image_size needs {pool_bytes / 2**30:.1f} GiB of host memory, more than "
                f"{POOL_LIMIT_BYTES // 2**30} GiB; lower data_pool"
            )
        return self
