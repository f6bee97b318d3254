"""The learning rate over a training: half a period of a cosine, with a linear start."""

import math

WARMUP_EPOCHS = 5
WARMUP_START = 0.1
"""Fraction of the cosine's value that the first epoch is given."""
COSINE_FLOOR = 0.005
"""Fraction of the base rate that the cosine ends at."""


def learning_rate_at(epoch: float, *, base: float, epochs: float, warmup_epochs: float = WARMUP_EPOCHS) -> float:
    """Return the learning rate of an epoch, counted from 0.

    The recipe keeps it constant within an epoch, so give whole numbers to follow it; fractions, or steps in place of
    epochs throughout, give the smooth form for trainings that are too short to have epochs.
    """
    if not 0 <= epoch <= epochs:
        raise ValueError(f"epoch {epoch} is outside a training of {epochs}")
    cosine = (1 + math.cos(math.pi * epoch / epochs)) / 2
    rate = base * ((1 - COSINE_FLOOR) * cosine + COSINE_FLOOR)
    if epoch >= warmup_epochs:
        return rate
    progress = epoch / warmup_epochs
    return rate * (WARMUP_START * (1 - progress) + progress)
