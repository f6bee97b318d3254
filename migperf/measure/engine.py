"""How a model is executed: which engine, in which precision, with which layout of memory. What a user submits."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class Runtime(StrEnum):
    """What executes the model."""

    EAGER = "eager"
    """PyTorch, operator by operator."""
    COMPILE = "compile"
    """torch.compile with its default backend."""
    CUDA_GRAPH = "cuda_graph"
    """PyTorch's kernels, captured once and replayed; GPUs only."""
    ONNX_RUNTIME = "onnx_runtime"
    """ONNX Runtime on the exported model; inference only."""


class Precision(StrEnum):
    """What the model computes in."""

    FP32 = "fp32"
    TF32 = "tf32"
    """Products of float32 matrices with ten bits of mantissa; GPUs since Ampere."""
    BF16 = "bf16"
    """Autocast to bfloat16."""
    FP16 = "fp16"
    """Autocast to float16; in training the loss is scaled."""


class Engine(BaseModel):
    """How a model is executed. The default is what all others must agree with: eager, in fp32."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runtime: Runtime = Field(default=Runtime.EAGER, description="What executes the model.")
    precision: Precision = Field(default=Precision.FP32, description="What it computes in.")
    channels_last: bool = Field(default=False, description="Images and convolutions with channels innermost (switch).")

    @property
    def is_reference(self) -> bool:
        """Whether it is the one that others are checked against."""
        return self == Engine()

    def in_words(self) -> str:
        """Return it in a few words."""
        return engine_words(self.model_dump(mode="json"))


def engine_words(engine: Mapping[str, JsonValue]) -> str:
    """Return an engine in a few words, from its fields as a document has them."""
    layout = ", channels last" if engine.get("channels_last") else ""
    return f"{engine.get('runtime', Runtime.EAGER)} in {engine.get('precision', Precision.FP32)}{layout}"


REFERENCE_FIELDS: Mapping[str, JsonValue] = Engine().model_dump(mode="json")
"""The reference's fields as a document has them."""
