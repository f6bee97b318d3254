"""Catalogue entries of the vision transformers and of their stability study. Holds no torch."""

from collections.abc import Mapping

from workloads.base import ALL_ENGINES, Card, EngineOffer, Task
from workloads.vit_conv_stem.parameters import ViTParameters
from workloads.vit_conv_stem.stability.parameters import StabilityParameters

PAPER = "arXiv 2106.14881"

_STEMS = {"p": "a patchify stem (one 16x16 convolution)", "c": "a convolutional stem (3x3 convolutions)"}


def _card(stem: str, size: int, blocks: int, facts: Mapping[str, str]) -> Card:
    return Card(
        name=f"vit-{stem}-{size}gf",
        title=f"ViT-{stem.upper()} {size} GF",
        summary=f"Vision transformer of {blocks} blocks with {_STEMS[stem]}, classifying images.",
        tasks=frozenset({Task.INFERENCE, Task.TRAINING}),
        parameters=ViTParameters,
        implementation=f"workloads.vit_conv_stem.workload:VIT_{stem.upper()}_{size}GF",
        engines=ALL_ENGINES,
        paper=PAPER,
        facts=facts,
    )


def _facts(parameters: str, macs: str, error: str | None = None) -> Mapping[str, str]:
    """Return sizes for 1000 classes and 224 x 224 pixels, and ImageNet top-1 after 400 epochs if it was published."""
    sizes = {"parameters": parameters, "multiply-adds": macs}
    return sizes if error is None else sizes | {"top-1 error, 400 epochs": error}


CARDS = (
    _card("p", 1, 12, _facts("4.8 M", "1.1 G", "27.7 %")),
    _card("p", 4, 12, _facts("18.5 M", "3.9 G", "19.6 %")),
    _card("p", 18, 12, _facts("86.6 M", "17.5 G", "17.9 %")),
    _card("p", 36, 14, _facts("178.4 M", "35.9 G", "18.2 %")),
    _card("p", 72, 22, _facts("353.0 M", "72 G")),
    _card("c", 1, 11, _facts("4.6 M", "1.1 G", "24.7 %")),
    _card("c", 4, 11, _facts("17.8 M", "4.0 G", "18.6 %")),
    _card("c", 18, 11, _facts("81.6 M", "17.7 G", "17.0 %")),
    _card("c", 36, 13, _facts("167.8 M", "35.0 G", "16.8 %")),
    _card("c", 72, 22, _facts("354.9 M", "72 G")),
    Card(
        name="vit-stem-stability",
        title="ViT stem stability study",
        summary="Trains two small vision transformers with random learning rates and weight decays on handwritten "
        "digits, and reports how many settings come close to the best.",
        tasks=frozenset({Task.TRAINING}),
        parameters=StabilityParameters,
        implementation="workloads.vit_conv_stem.stability.workload:StabilityWorkload",
        engines=EngineOffer(otherwise="it builds a model for each trial, and its result is what they learn in fp32"),
        paper=PAPER,
        facts={
            "published, ViT-C 18 GF with SGD": "about 60 % of settings within 4 points of the best",
            "published, ViT-P 18 GF with SGD": "less than 20 % of settings within 4 points of the best",
        },
    ),
)
