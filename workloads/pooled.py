"""What payloads share whose batches are made in advance and cycled through: giving them out, staging, trying out."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic

import torch

from workloads.base import Payload
from workloads.data.pool import Batch, BatchPool, move


class PooledPayload(Payload, Generic[Batch]):
    """Takes its batches from a pool in host memory."""

    _pool: BatchPool[Batch]
    _device: torch.device

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """See Payload."""
        pool, self._pool = self._pool, BatchPool(self._pool.batches)
        try:
            yield
        finally:
            self._pool = pool

    def next_batch(self) -> Batch:
        """Return the pool's next batch."""
        return self._pool.next()

    def stage(self, batch: Batch) -> Batch:
        """Start the copy to the device."""
        return move(batch, self._device)
