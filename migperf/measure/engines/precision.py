"""What a model computes in: TensorFloat-32 on or off for the whole process, and autocast around one model."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from pydantic import JsonValue
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from migperf.measure.engine import Engine, Precision, Runtime

AUTOCAST = {Precision.BF16: torch.bfloat16, Precision.FP16: torch.float16}


def use_tf32(*, on: bool) -> None:
    """Let float32 products of this process, matrices and convolutions alike, be of TensorFloat-32, or forbid it.

    By PyTorch's older pair of settings: after the per-backend ones its own compiler stops with "mix of the legacy and
    new APIs" (pytorch/pytorch#166387).
    """
    torch.set_float32_matmul_precision("high" if on else "highest")
    torch.backends.cudnn.allow_tf32 = on


def precision_facts() -> dict[str, JsonValue]:
    """Return the settings of this process that float32 products depend on."""
    return {
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "cudnn_allow_tf32": torch.backends.cudnn.allow_tf32,
    }


class InPrecision(nn.Module):
    """Calls the model under autocast, with channels innermost if asked for, and answers in float32 in any case.

    Its parameters are the model's own. What it converts, the input's layout included, is converted in each call.
    """

    def __init__(self, model: nn.Module, engine: Engine, device: torch.device) -> None:
        super().__init__()
        self.model = model
        self.training = model.training
        self._device_type = device.type
        self._dtype = AUTOCAST.get(engine.precision)
        self._layout = with_channels_last if engine.channels_last else _as_it_is
        # What a captured graph reads must be computed in it, not found in a cache that was filled before.
        self._cache = engine.runtime is not Runtime.CUDA_GRAPH

    def forward(self, *inputs: Any, **named: Any) -> Any:  # noqa: ANN401 - the model's
        """Return the model's outputs, half precisions as float32."""
        inputs, named = tree_map(self._layout, (inputs, named))
        with self._autocast():
            outputs = self.model(*inputs, **named)
        return tree_map(_as_float32, outputs)

    def _autocast(self) -> AbstractContextManager[object]:
        if self._dtype is None:
            return nullcontext()
        return torch.autocast(self._device_type, self._dtype, cache_enabled=self._cache)


def in_precision(model: nn.Module, engine: Engine, device: torch.device) -> InPrecision:
    """Return what computes as the engine asks. With ``channels_last`` the model's weights are put in that layout."""
    if engine.channels_last:
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return InPrecision(model, engine, device)


def with_channels_last(value: Any) -> Any:  # noqa: ANN401 - any leaf
    """Return a batch of images (B, C, H, W) with channels innermost; anything else as it is."""
    if isinstance(value, Tensor) and value.dim() == 4 and value.is_floating_point():  # noqa: PLR2004 - B, C, H, W
        return value.contiguous(memory_format=torch.channels_last)
    return value


def _as_it_is(value: Any) -> Any:  # noqa: ANN401 - any leaf
    return value


def _as_float32(value: Any) -> Any:  # noqa: ANN401 - any leaf
    return value.float() if isinstance(value, Tensor) and value.dtype in AUTOCAST.values() else value
