"""The codec of series chunks: times as differences, bytes of equal weight side by side, then Zstandard.

A regularly sampled series has nearly constant differences, and neighbouring values share their high bytes, so grouping
bytes by weight leaves long runs that compress well. Many chunks are coded at once: with a few samples each, as a run
that goes on has them, numpy would otherwise spend its time on beginning.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import zstandard

from migperf.errors import MigperfError
from migperf.metrics.series import Chunk

CODEC = "delta-shuffle-zstd"
_WIDTH = 8
_COLUMNS = 2
_LEVEL = 1


class UnknownCodecError(MigperfError):
    """A chunk was written by a newer migperf; upgrade to read it."""


class _Contexts(threading.local):
    """Zstandard's working memory: dear to set up for each small chunk, and not to be shared between threads."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self.decompressor = zstandard.ZstdDecompressor()


_contexts = _Contexts()


@dataclass(frozen=True, slots=True)
class Encoded:
    """A compressed chunk, and what is needed to read it."""

    data: bytes
    codec: str
    first_ns: int


def encode(chunk: Chunk) -> bytes:
    """Return the compressed columns of a chunk of at least one sample."""
    return encode_alike([chunk])[0]


def encode_alike(chunks: Sequence[Chunk]) -> list[bytes]:
    """Return the compressed columns of chunks of the same length, at least one sample."""
    numbers = np.empty((len(chunks), _COLUMNS, len(chunks[0])), "<i8")
    numbers[:, 0, 0] = 0
    for columns, chunk in zip(numbers, chunks, strict=True):
        np.subtract(chunk.time_ns[1:], chunk.time_ns[:-1], out=columns[0, 1:])
        columns[1] = chunk.value.view(np.int64)
    weights = np.ascontiguousarray(numbers.view(np.uint8).reshape(*numbers.shape, _WIDTH).swapaxes(2, 3))
    return [_contexts.compressor.compress(columns.data) for columns in weights]


def decode(encoded: Sequence[Encoded]) -> Chunk:
    """Return consecutive chunks as one; without any, an empty one. Raises UnknownCodecError."""
    if not encoded:
        return Chunk.joined(())
    parts = [_weights(one) for one in encoded]
    ends = list(accumulate(part.shape[2] for part in parts))
    columns = np.empty((_COLUMNS, ends[-1], _WIDTH), np.uint8)
    for part, end in zip(parts, ends, strict=True):
        columns[:, end - part.shape[2] : end] = part.swapaxes(1, 2)
    differences, values = columns.view("<i8")[..., 0]
    return Chunk(_times(differences, [0, *ends[:-1]], encoded), values.view("<f8"))


def _weights(encoded: Encoded) -> npt.NDArray[np.uint8]:
    """Return the bytes of both columns by weight, shape (2, 8, samples)."""
    if encoded.codec != CODEC:
        raise UnknownCodecError(f"chunks of codec {encoded.codec!r} cannot be read by this version")
    raw = np.frombuffer(_contexts.decompressor.decompress(encoded.data), np.uint8)
    return raw.reshape(_COLUMNS, _WIDTH, -1)


def _times(
    differences: npt.NDArray[np.int64], begins: Sequence[int], encoded: Sequence[Encoded]
) -> npt.NDArray[np.int64]:
    """Return times from the differences within each chunk, 0 at its beginning, and the times of the beginnings."""
    since_ns = np.cumsum(differences)
    offsets_ns = np.array([one.first_ns for one in encoded]) - since_ns[begins]
    time_ns: npt.NDArray[np.int64] = since_ns + np.repeat(offsets_ns, np.diff([*begins, len(differences)]))
    return time_ns
