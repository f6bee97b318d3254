"""Weights from a folder that ``save_pretrained`` wrote: local files only, and safetensors only, which hold no code."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.utils import logging


class WeightsError(ValueError):
    """A folder does not hold the weights of the architecture asked for; says why, and what would."""

    def __init__(self, folder: str, problem: str) -> None:
        super().__init__(
            f"weights: {folder} {problem}; give a folder on this node that save_pretrained wrote a model of this "
            "architecture to, or leave weights out for random ones"
        )


def network_with_weights(
    network: type[PreTrainedModel], configuration: PreTrainedConfig, sizes: Mapping[str, Any], folder: str
) -> PreTrainedModel:
    """Return the network with the folder's weights in float32. Raises WeightsError.

    The folder's configuration has to agree in ``sizes``. A head that the folder has not is drawn at random, as where a
    pre-trained encoder is fine-tuned.
    """
    _check_folder(Path(folder), type(configuration), sizes)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        found, loading = cast(
            "tuple[PreTrainedModel, dict[str, Any]]",
            network.from_pretrained(
                folder,
                config=configuration,
                local_files_only=True,
                use_safetensors=True,
                ignore_mismatched_sizes=True,  # they are told below, by name
                dtype=torch.float32,
                output_loading_info=True,
            ),
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise WeightsError(folder, f"cannot be read: {_in_a_line(error)}") from error
    _check_shapes(loading["mismatched_keys"], folder)
    _check_complete(network, loading["missing_keys"], folder)
    return found


def _check_folder(folder: Path, kind: type[PreTrainedConfig], sizes: Mapping[str, Any]) -> None:
    """Raise WeightsError unless the folder has safetensors, and a configuration of this kind with these sizes."""
    try:
        fields = dict(json.loads((folder / "config.json").read_text()))
        found = kind.from_dict(fields)
    except (OSError, ValueError, TypeError, StrictDataclassError) as error:
        raise WeightsError(str(folder), f"has no config.json that can be used ({_in_a_line(error)})") from error
    if not any(folder.glob("*.safetensors")):
        raise WeightsError(str(folder), "has no file of safetensors")
    if (family := fields.get("model_type")) != kind.model_type:
        raise WeightsError(
            str(folder), f"is of another architecture: model_type is {family!r}, not {kind.model_type!r}"
        )
    for field, value in sizes.items():
        if (here := getattr(found, field)) != value:
            raise WeightsError(str(folder), f"is of another architecture: {field} is {here!r}, not {value!r}")


def _check_shapes(mismatched: Iterable[tuple[str, torch.Size, torch.Size]], folder: str) -> None:
    """Raise WeightsError if a tensor has another shape than the network's, as a head for other classes has."""
    for name, here, wanted in sorted(mismatched):
        raise WeightsError(
            folder,
            f"has {name} of the shape {tuple(here)}, not {tuple(wanted)} (a head's first dimension is classes)",
        )


def _check_complete(network: type[PreTrainedModel], missing: Iterable[str], folder: str) -> None:
    """Raise WeightsError if more than the head is missing, to which BERT's pooler counts."""
    encoder = f"{network.base_model_prefix}."
    lost = sorted(name for name in missing if name.startswith(encoder) and ".pooler." not in name)
    if lost:
        raise WeightsError(folder, f"lacks {len(lost)} tensors of the encoder, such as {lost[0]}")


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
