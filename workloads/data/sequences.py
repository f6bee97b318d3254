"""Sequences of tokens made from their class label: cheap, seeded and learnable, for payloads that are given no text.

They stand in for text where speed is measured. What a model learns on them says nothing about language.

Words follow Zipf's law, as those of a language do about: how often one occurs is inverse to its rank. Which words are
the frequent ones is the class's own, so that counting words tells the class, and no single word does.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from workloads.text.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenBatch:
    """Token ids (B, S) int64, which of them are no padding (B, S) bool, and the class of each sequence (B) int64."""

    token_ids: Tensor
    valid: Tensor
    labels: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipfSequences:
    """Draws sequences of exactly ``length`` tokens, of which ``padding_tokens`` are padding."""

    vocabulary: Vocabulary
    classes: int
    length: int
    padding_tokens: int = 0

    def draw(self, count: int, generator: torch.Generator) -> TokenBatch:
        """Return ``count`` new sequences, with labels drawn evenly."""
        labels = torch.randint(self.classes, (count,), generator=generator)
        opening, closing = self._frame(self.vocabulary.opening, count), self._frame(self.vocabulary.closing, count)
        words = self.length - self.padding_tokens - opening.shape[1] - closing.shape[1]
        sequence = torch.cat([opening, self._words(labels, words, generator), closing], dim=1)
        padding = torch.full((count, self.padding_tokens), self.vocabulary.padding)
        return TokenBatch(
            token_ids=self._padded(sequence, padding),
            valid=self._padded(torch.ones_like(sequence).bool(), torch.zeros_like(padding).bool()),
            labels=labels,
        )

    def _words(self, labels: Tensor, count: int, generator: torch.Generator) -> Tensor:
        """Return words (B, count) whose ranks are the integer parts of a log-uniform variable, which is Zipf's law.

        Each class counts ranks from a word of its own.
        """
        known = len(self.vocabulary.words)
        uniform = torch.rand(len(labels), count, generator=generator, dtype=torch.float64)
        ranks = (uniform * math.log(known + 1)).exp().long().clamp(1, known)
        first = labels[:, None] * known // self.classes
        return self.vocabulary.words.start + (first + ranks - 1) % known

    def _padded(self, sequence: Tensor, padding: Tensor) -> Tensor:
        sides = (padding, sequence) if self.vocabulary.padded_on_the_left else (sequence, padding)
        return torch.cat(sides, dim=1)

    @staticmethod
    def _frame(tokens: tuple[int, ...], count: int) -> Tensor:
        return torch.tensor(tokens, dtype=torch.int64).expand(count, -1)
