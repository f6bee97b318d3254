"""Batches made before the clock starts, so that what is timed is the model and not the generator."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from itertools import cycle
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import torch
from torch import Tensor

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Batch = TypeVar("Batch", bound="DataclassInstance")
"""A dataclass whose fields are tensors with the batch as first dimension."""
Made_co = TypeVar("Made_co", bound="DataclassInstance", covariant=True)


class Source(Protocol[Made_co]):
    """Draws batches at random."""

    def draw(self, count: int, generator: torch.Generator) -> Made_co:
        """Return ``count`` new samples in host memory."""
        ...


class BatchPool(Generic[Batch]):
    """A fixed number of batches in host memory, given out in turn for ever."""

    def __init__(self, batches: Sequence[Batch]) -> None:
        self.batches = tuple(batches)
        self._turn: Iterator[Batch] = cycle(self.batches)

    def next(self) -> Batch:
        """Return the next batch in host memory; callers must not write into it."""
        return next(self._turn)


def fill_pool(source: Source[Batch], *, batch_size: int, size: int, seed: int, pinned: bool) -> BatchPool[Batch]:
    """Draw ``size`` batches. ``pinned`` page-locks them, without which a copy to a GPU can't overlap."""
    generator = torch.Generator().manual_seed(seed)
    batches = [source.draw(batch_size, generator) for _ in range(size)]
    return BatchPool([_mapped(batch, Tensor.pin_memory) for batch in batches] if pinned else batches)


def move(batch: Batch, device: torch.device) -> Batch:
    """Return the batch on ``device``; the copy may still be under way. On the CPU these are the same tensors."""
    return _mapped(batch, lambda tensor: tensor.to(device, non_blocking=True))


def joined(batches: Sequence[Batch]) -> Batch:
    """Return the samples of several batches, in their order, as one batch."""
    first = batches[0]
    columns = {field.name: [getattr(batch, field.name) for batch in batches] for field in fields(first)}
    return replace(first, **{name: torch.cat(tensors) for name, tensors in columns.items()})


def _mapped(batch: Batch, function: Callable[[Tensor], Tensor]) -> Batch:
    return replace(batch, **{field.name: function(getattr(batch, field.name)) for field in fields(batch)})
