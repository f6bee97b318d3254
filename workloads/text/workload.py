"""The language models as workloads."""

from dataclasses import dataclass

from workloads.base import Context, Workload
from workloads.data.pool import BatchPool, fill_pool
from workloads.data.sequences import TokenBatch, ZipfSequences
from workloads.seeding import seeded
from workloads.text import families
from workloads.text.architecture import Architecture
from workloads.text.classifier import SequenceClassifier
from workloads.text.parameters import TextParameters
from workloads.text.payloads import SequenceInference, SequenceTraining


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceClassification(Workload):
    """An architecture that classifies sequences.

    A seed fixes weights and sequences. Both are made on the CPU, so they are the same on all devices, and the caller's
    random state is left alone.
    """

    architecture: Architecture

    def inference(self, parameters: TextParameters, context: Context) -> SequenceInference:
        """Return the inference payload. Raises WeightsError."""
        return SequenceInference(self._model(parameters, context), self._pool(parameters, context), parameters, context)

    def training(self, parameters: TextParameters, context: Context) -> SequenceTraining:
        """Return the training payload. Raises WeightsError."""
        return SequenceTraining(self._model(parameters, context), self._pool(parameters, context), parameters, context)

    def _model(self, parameters: TextParameters, context: Context) -> SequenceClassifier:
        with seeded(context.seed):
            return self.architecture.classifier(
                classes=parameters.classes, dropout=parameters.dropout, weights=parameters.weights
            )

    def _pool(self, parameters: TextParameters, context: Context) -> BatchPool[TokenBatch]:
        source = ZipfSequences(
            vocabulary=self.architecture.family.vocabulary,
            classes=parameters.classes,
            length=parameters.sequence_length,
            padding_tokens=parameters.padding_tokens,
        )
        return fill_pool(
            source,
            batch_size=parameters.batch_size,
            size=parameters.data_pool,
            seed=context.seed,
            pinned=context.device.type == "cuda",
        )


DISTILBERT = SequenceClassification(architecture=families.DISTILBERT)
BERT_BASE = SequenceClassification(architecture=families.BERT_BASE)
BERT_LARGE = SequenceClassification(architecture=families.BERT_LARGE)
ROBERTA_BASE = SequenceClassification(architecture=families.ROBERTA_BASE)
XLNET_BASE = SequenceClassification(architecture=families.XLNET_BASE)
DISTILBERT_TINY = SequenceClassification(architecture=families.DISTILBERT_TINY)
BERT_TINY = SequenceClassification(architecture=families.BERT_TINY)
ROBERTA_TINY = SequenceClassification(architecture=families.ROBERTA_TINY)
XLNET_TINY = SequenceClassification(architecture=families.XLNET_TINY)
