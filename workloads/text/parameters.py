"""What a user may set on a payload that classifies sequences of tokens. Holds no torch."""

from pathlib import PurePosixPath
from typing import Self

from pydantic import Field, field_validator, model_validator

from workloads.base import Parameters
from workloads.image_parameters import POOL_LIMIT_BYTES

LEAST_VALID_TOKENS = 4
"""Tokens that frame a sequence (two at most) and two words between them."""

_BYTES_PER_TOKEN = 8 + 1  # an int64, and whether it is valid


class TextParameters(Parameters):
    """Shared by all classifiers of sequences; inference ignores the fields that only training uses."""

    batch_size: int = Field(default=32, ge=1, le=4096, description="Sequences in one step or request (count).")
    sequence_length: int = Field(
        default=64,
        ge=8,
        le=512,
        description="Tokens of every sequence, padding included (count); no more than the model has positions.",
    )
    padding: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Part of every sequence that is padding behind the attention mask, rounded down to whole tokens "
        "(ratio).",
    )
    classes: int = Field(default=2, ge=2, le=1000, description="Classes told apart (count).")
    data_pool: int = Field(
        default=4,
        ge=1,
        le=1024,
        description="Different batches generated in advance in host memory and then cycled through (count).",
    )
    learning_rate: float = Field(
        default=2e-5,
        gt=0,
        le=1e-2,
        description="AdamW's learning rate (per step); published for fine-tuning are 2e-5 to 5e-5, for batches of 16 "
        "and 32.",
    )
    weight_decay: float = Field(
        default=0.01, ge=0, description="Decay of all parameters but biases and norms (coefficient)."
    )
    dropout: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="Part of activations and attention weights that training drops (ratio); 0 for engines that are "
        "checked against eager training.",
    )
    weights: str | None = Field(
        default=None,
        max_length=4096,
        description="Folder on the node, by its absolute path, that save_pretrained wrote a model of this architecture "
        "to, as safetensors; null draws random weights from the run's seed.",
    )

    @property
    def padding_tokens(self) -> int:
        """Tokens of every sequence that are padding."""
        return int(self.padding * self.sequence_length)

    @property
    def valid_tokens(self) -> int:
        """Tokens of every sequence that are none."""
        return self.sequence_length - self.padding_tokens

    @field_validator("weights")
    @classmethod
    def _weights_are_a_place(cls, folder: str | None) -> str | None:
        if folder is not None and not PurePosixPath(folder).is_absolute():
            raise ValueError(f"{folder!r} is no absolute path; give the folder on the node as it begins with /")
        return folder

    @model_validator(mode="after")
    def _something_is_not_padding(self) -> Self:
        if self.valid_tokens < LEAST_VALID_TOKENS:
            raise ValueError(
                f"padding {self.padding:g} leaves {self.valid_tokens} of {self.sequence_length} tokens, and "
                f"{LEAST_VALID_TOKENS} are the least; lower padding"
            )
        return self

    @model_validator(mode="after")
    def _pool_fits_a_host(self) -> Self:
        pool_bytes = self.data_pool * self.batch_size * self.sequence_length * _BYTES_PER_TOKEN
        if pool_bytes > POOL_LIMIT_BYTES:
            raise ValueError(
                f"data_pool x batch_size x sequence_length needs {pool_bytes / 2**30:.1f} GiB of host memory, more "
                f"than {POOL_LIMIT_BYTES // 2**30} GiB; lower data_pool"
            )
        return self


class XLNetParameters(TextParameters):
    """Positions are relative, so a sequence may be longer than those that the model was published with."""

    sequence_length: int = Field(
        default=64, ge=8, le=4096, description="Tokens of every sequence, padding included (count)."
    )
