"""The payloads shipped here, family by family: those of one file of documentation. Third parties' are in none."""

from collections.abc import Sequence
from dataclasses import dataclass

from workloads.base import Card
from workloads.frameworks.cards import CARDS as FRAMEWORKS
from workloads.micro.cards import CARDS as MICRO
from workloads.resnet.cards import CARDS as RESNET
from workloads.synthetic.cards import CARDS as SYNTHETIC
from workloads.text.cards import CARDS as TEXT
from workloads.vit_conv_stem.cards import CARDS as VIT_CONV_STEM


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Payloads that belong together, under a title for people."""

    title: str
    cards: Sequence[Card]
    documentation: str | None = None
    """The file in this repository that describes them; None where there is none."""


SHIPPED = (
    Family(title="Residual networks", cards=RESNET, documentation="docs/workloads/resnet.md"),
    Family(title="Vision transformers", cards=VIT_CONV_STEM, documentation="docs/workloads/vit-conv-stem.md"),
    Family(title="Language models", cards=TEXT, documentation="docs/workloads/language-models.md"),
    Family(title="Kernels and copies", cards=MICRO, documentation="docs/workloads/micro.md"),
    Family(title="Frameworks and servers", cards=FRAMEWORKS, documentation="docs/workloads/frameworks.md"),
    Family(title="Synthetic", cards=SYNTHETIC, documentation="docs/workloads/synthetic.md"),
)
