"""Inference and training payloads of any classifier of sequences.

The model maps token ids (B, S) and the attention mask (B, S) to logits (B, K). A sample is a sequence. Training is a
real step: forward, backward and AdamW, at a learning rate that stays, as a benchmark has no epochs to schedule.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from workloads.base import Context, Figure, GradientTraining, InferencePayload, Report
from workloads.data.pool import BatchPool, joined
from workloads.data.sequences import TokenBatch
from workloads.image_parameters import OptimizerName
from workloads.losses import FirstAndLastLoss
from workloads.pooled import PooledPayload
from workloads.recipe.optimisation import Tuned, build_optimizer
from workloads.text.classifier import SequenceClassifier
from workloads.text.parameters import TextParameters

SEQUENCE = "sequence"


class SequenceInference(PooledPayload[TokenBatch], InferencePayload):
    """Classifies one batch of pooled sequences at a time; the answer is logits (B, K)."""

    sample_unit = SEQUENCE

    def __init__(
        self, model: SequenceClassifier, pool: BatchPool[TokenBatch], parameters: TextParameters, context: Context
    ) -> None:
        self.samples_per_step = parameters.batch_size
        self.model = model.to(context.device).eval()
        self._pool = pool
        self._device = context.device
        self._parameters = parameters

    def infer(self, batch: TokenBatch) -> Tensor:
        """Return logits (B, K)."""
        with torch.inference_mode():
            logits: Tensor = self.engine(batch.token_ids, batch.valid)
        return logits

    def join(self, batches: Sequence[TokenBatch]) -> TokenBatch:
        """Return the sequences of several requests as one batch."""
        return joined(batches)

    def report(self) -> Report:
        """Return how many tokens a request has."""
        return Report(figures=token_figures(self._parameters))


class SequenceTraining(PooledPayload[TokenBatch], GradientTraining):
    """Trains on pooled sequences without end."""

    sample_unit = SEQUENCE

    def __init__(
        self, model: SequenceClassifier, pool: BatchPool[TokenBatch], parameters: TextParameters, context: Context
    ) -> None:
        self.samples_per_step = parameters.batch_size
        self.model = model.to(context.device).train()
        setting = Tuned(learning_rate=parameters.learning_rate, weight_decay=parameters.weight_decay)
        self.optimizer = build_optimizer(self.model, OptimizerName.ADAMW, setting)
        self._pool = pool
        self._device = context.device
        self._parameters = parameters
        self._losses = FirstAndLastLoss()

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """See Payload. Inside, all sequences are of one class.

        A fresh model's answers hardly differ, so that gradients of sequences of different classes cancel out, and what
        is left of them is rounding: in bfloat16 up to a fifth of it (measured).
        """
        with super().rehearsal():
            alike = [replace(batch, labels=torch.zeros_like(batch.labels)) for batch in self._pool.batches]
            self._pool = BatchPool(alike)
            yield

    def loss(self, batch: TokenBatch) -> Tensor:
        """Return the cross-entropy in nats, a scalar on the device."""
        return functional.cross_entropy(self.engine(batch.token_ids, batch.valid), batch.labels)

    def step(self, batch: TokenBatch) -> Tensor:
        """Take one optimiser step and return the loss in nats, a scalar on the device."""
        loss = super().step(batch)
        self._losses.note(loss)
        return loss

    def report(self) -> Report:
        """Return how many tokens a step has, and the loss of the first step and of the last. Waits for the device."""
        return Report(figures=(*token_figures(self._parameters), *self._losses.figures()))


def token_figures(parameters: TextParameters) -> tuple[Figure, ...]:
    """Return the tokens of one step or request: all of them, which is what a model computes, and those not padding."""
    counts = {"tokens_per_step": parameters.sequence_length, "valid_tokens_per_step": parameters.valid_tokens}
    return tuple(
        Figure(name=name, value=float(parameters.batch_size * tokens), unit="token") for name, tokens in counts.items()
    )
