"""Samples as rows of ``series_chunks``: cut to size, with their figures and the outline that a coarse look needs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from migperf.metrics.downsampling import downsample
from migperf.metrics.metric import Kind
from migperf.metrics.series import Chunk, Gap
from migperf.store.chunks import CODEC, encode, encode_alike

MAX_CHUNK = 1 << 16
"""Most samples of a chunk."""
SMALL_CHUNK = 2048
"""A chunk of fewer samples has no outline, and is merged with what follows."""
_AT_ONCE = 1 << 14
"""Samples of small chunks that are coded together: as many as fit into a processor's cache."""
OUTLINE_PART = 32
"""An outline has about one of so many samples."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Samples of one series on their way into the database, in order; ``sequence`` is their first chunk's."""

    series_id: int
    sequence: int
    chunk: Chunk
    kind: Kind
    gaps: Sequence[Gap]


def rows(pieces: Iterable[Piece]) -> list[dict[str, Any]]:
    """Return the rows that hold these samples; times are stored as they are.

    A large chunk is dealt with before the next piece is asked for, so that only one is in memory.
    """
    found: list[dict[str, Any]] = []
    alike: dict[int, list[Piece]] = {}
    for part in (part for piece in pieces for part in _cut(piece)):
        if len(part.chunk) < SMALL_CHUNK:
            alike.setdefault(len(part.chunk), []).append(part)
        else:
            found += _rows_alike([part])
    for block in (block for parts in alike.values() for block in _blocks(parts)):
        found += _rows_alike(block)
    return found


def in_order(chunk: Chunk) -> Chunk:
    """Return the samples in the order of their times; those of one time stay as they are."""
    if bool((chunk.time_ns[1:] >= chunk.time_ns[:-1]).all()):
        return chunk
    order = np.argsort(chunk.time_ns, kind="stable")
    return Chunk(chunk.time_ns[order], chunk.value[order])


def _cut(piece: Piece) -> Iterator[Piece]:
    chunk = piece.chunk
    if 0 < len(chunk) <= MAX_CHUNK:
        yield piece
        return
    for offset, start in enumerate(range(0, len(chunk), MAX_CHUNK)):
        end = start + MAX_CHUNK
        part = Chunk(chunk.time_ns[start:end], chunk.value[start:end])
        yield replace(piece, sequence=piece.sequence + offset, chunk=part)


def _blocks(parts: Sequence[Piece]) -> Iterator[Sequence[Piece]]:
    size = _AT_ONCE // len(parts[0].chunk)
    for start in range(0, len(parts), size):
        yield parts[start : start + size]


def _rows_alike(block: Sequence[Piece]) -> Iterator[dict[str, Any]]:
    """Yield the rows of chunks of the same length."""
    values = np.array([piece.chunk.value for piece in block])
    figures = [figure.tolist() for figure in (values.min(axis=1), values.max(axis=1), values.mean(axis=1))]
    encoded = encode_alike([piece.chunk for piece in block])
    for piece, minimum, maximum, mean, data in zip(block, *figures, encoded, strict=True):
        yield {
            "series_id": piece.series_id,
            "sequence": piece.sequence,
            "count": len(piece.chunk),
            "first_ns": int(piece.chunk.time_ns[0]),
            "last_ns": int(piece.chunk.time_ns[-1]),
            "minimum": minimum,
            "maximum": maximum,
            "mean": mean,
            "codec": CODEC,
            "outline": _outline(piece),
            "data": data,
        }


def _outline(piece: Piece) -> bytes | None:
    """Return the samples that show the chunk from afar; None where it is short, or can't be told with far fewer."""
    count = len(piece.chunk)
    if count < SMALL_CHUNK:
        return None
    kept = downsample(piece.chunk, count // OUTLINE_PART, kind=piece.kind, gaps=piece.gaps)
    return encode(kept) if len(kept) <= count // 2 else None
