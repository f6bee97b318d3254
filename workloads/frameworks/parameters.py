"""What a user may set on the probes. Holds no torch, and none of the frameworks."""

from enum import StrEnum
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from workloads.base import Parameters

MOST_VALUES = 1 << 20


class Framework(StrEnum):
    """What can be probed within the run's own process."""

    PYTORCH_EAGER = "pytorch-eager"
    PYTORCH_COMPILE = "pytorch-compile"
    PYTORCH_DDP = "pytorch-ddp"
    ONNX_RUNTIME = "onnx-runtime"
    JAX = "jax"
    TENSORFLOW = "tensorflow"
    PADDLEPADDLE = "paddlepaddle"


class Protocol(StrEnum):
    """How a server is spoken to."""

    TRITON = "triton"
    """The Open Inference Protocol over HTTP (KServe's version 2), which Triton and others speak."""
    TORCHSERVE = "torchserve"
    RAY_SERVE = "ray-serve"
    """JSON to the route of an application."""


class Answer(StrEnum):
    """What the answer of a server is held against."""

    FINITE = "finite"
    """Nothing but itself: it has numbers, and all are finite."""
    PROBE = "probe"
    """What NumPy computes of the probe's own model, which the server serves."""


class FrameworkParameters(Parameters):
    """The problem is always the same, so there is nothing else to choose."""

    framework: Framework = Field(default=Framework.PYTORCH_EAGER, description="What is probed.")


class ServingParameters(Parameters):
    """A server that runs already, and what is asked of it."""

    protocol: Protocol = Field(default=Protocol.TRITON, description="How the server is spoken to.")
    url: str = Field(
        default="http://127.0.0.1:8000",
        max_length=2048,
        description="Address of the server, http or https, as the node that runs the probe reaches it.",
    )
    model: str = Field(
        default="probe",
        max_length=256,
        pattern=r"^$|^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$",
        description="Model that is asked; of ray-serve the route of the application, empty for the root.",
    )
    input_name: str | None = Field(
        default=None, max_length=256, description="Name of the input (triton); null: the first one of the model."
    )
    input_shape: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(
        default=None,
        min_length=1,
        max_length=8,
        description="Shape of the float32 input, the batch first; null: that of the probe's own model.",
    )
    answer: Answer = Field(default=Answer.FINITE, description="What the answer is held against.")
    timeout_s: float = Field(default=30.0, gt=0, le=600, description="How long the server may be silent (s).")

    @field_validator("url")
    @classmethod
    def _plain_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url must begin with http:// or https:// and name a host")
        if parts.username is not None or parts.password is not None:
            raise ValueError("url must not hold a user or a password: the parameters of a run are stored and shown")
        if parts.query or parts.fragment:
            raise ValueError("url must end with its path; leave out what begins with ? or #")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        if not self.model and self.protocol is not Protocol.RAY_SERVE:
            raise ValueError(f"model must be named for protocol = {self.protocol}")
        if self.answer is Answer.PROBE and self.input_shape is not None:
            raise ValueError("answer = probe asks the probe's own model; leave input_shape out")
        return self

    @field_validator("input_shape")
    @classmethod
    def _not_too_large(cls, shape: tuple[int, ...] | None) -> tuple[int, ...] | None:
        values = 1
        for side in shape or ():
            values *= side
        if values > MOST_VALUES:
            raise ValueError(f"input_shape holds {values} values, more than the {MOST_VALUES} that are sent as JSON")
        return shape
