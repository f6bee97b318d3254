"""Architectures by configuration: a family of the transformers library, its sizes, and how both make a classifier."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedConfig, PreTrainedModel

from workloads.text.classifier import SequenceClassifier
from workloads.text.vocabulary import Vocabulary
from workloads.text.weights import network_with_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What the models of one kind share.

    ``dropouts`` are the fields of the configuration that dropout goes by, ``fields`` what holds for all sizes.
    ``attention`` is the library's name of what computes attention.
    """

    network: type[PreTrainedModel]
    configuration: Callable[..., PreTrainedConfig]
    vocabulary: Vocabulary
    dropouts: tuple[str, ...]
    fields: Mapping[str, Any]
    attention: str = "sdpa"
    classifier: type[SequenceClassifier] = SequenceClassifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """A family at one size, as fields of its configuration."""

    family: Family
    sizes: Mapping[str, int]

    def classifier(self, *, classes: int, dropout: float, weights: str | None) -> SequenceClassifier:
        """Return a classifier with random weights, or with those of a folder. Raises WeightsError."""
        configuration = self.configuration(classes=classes, dropout=dropout)
        if weights is None:
            return self.family.classifier(self.family.network(configuration))
        published = {"vocab_size": self.family.vocabulary.size, **self.family.fields, **self.sizes}
        return self.family.classifier(network_with_weights(self.family.network, configuration, published, weights))

    def configuration(self, *, classes: int, dropout: float) -> PreTrainedConfig:
        """Return the library's configuration of it."""
        return self.family.configuration(
            vocab_size=self.family.vocabulary.size,
            pad_token_id=self.family.vocabulary.padding,
            num_labels=classes,
            attn_implementation=self.family.attention,
            **dict.fromkeys(self.family.dropouts, dropout),
            **self.family.fields,
            **self.sizes,
        )
