"""Batches made before the clock starts, so that what is timed is the model and not the generator."""

from collections.abc import Iterator, Sequence
from itertools import cycle

import torch

from workloads.data.procedural import GratingImages, ImageBatch


class BatchPool:
    """A fixed number of batches in host memory, given out in turn for ever."""

    def __init__(self, batches: Sequence[ImageBatch]) -> None:
        self.batches = tuple(batches)
        self._turn: Iterator[ImageBatch] = cycle(self.batches)

    def next(self) -> ImageBatch:
        """Return the next batch in host memory; callers must not write into it."""
        return next(self._turn)


def fill_pool(source: GratingImages, *, batch_size: int, size: int, seed: int, pinned: bool) -> BatchPool:
    """Draw ``size`` batches. ``pinned`` page-locks them, without which a copy to a GPU can't overlap."""
    generator = torch.Generator().manual_seed(seed)
    batches = [source.draw(batch_size, generator) for _ in range(size)]
    return BatchPool([_pin(batch) for batch in batches] if pinned else batches)


def move(batch: ImageBatch, device: torch.device) -> ImageBatch:
    """Return the batch on ``device``; the copy may still be under way. On the CPU these are the same tensors."""
    return ImageBatch(
        images=batch.images.to(device, non_blocking=True),
        labels=batch.labels.to(device, non_blocking=True),
    )


def _pin(batch: ImageBatch) -> ImageBatch:
    return ImageBatch(images=batch.images.pin_memory(), labels=batch.labels.pin_memory())
