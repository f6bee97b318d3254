"""The codec of series chunks: times as differences, bytes of equal weight side by side, then Zstandard.

A regularly sampled series has nearly constant differences, and neighbouring values share their high bytes, so
grouping bytes by weight leaves long runs that compress well.
"""

import numpy as np
import numpy.typing as npt
import zstandard

from migperf.errors import MigperfError
from migperf.metrics.series import Chunk

CODEC = "delta-shuffle-zstd"
_WIDTH = 8


class UnknownCodecError(MigperfError):
    """A chunk was written by a newer migperf; upgrade to read it."""


def encode(chunk: Chunk) -> bytes:
    """Return the compressed columns of a chunk of at least one sample."""
    differences = np.diff(chunk.time_ns, prepend=chunk.time_ns[:1]).astype("<i8")
    return zstandard.compress(_shuffle(differences) + _shuffle(chunk.value.astype("<f8")), level=3)


def decode(data: bytes, codec: str, count: int, first_ns: int) -> Chunk:
    """Return the chunk. Raises UnknownCodecError."""
    if codec != CODEC:
        raise UnknownCodecError(f"chunks of codec {codec!r} cannot be read by this version")
    raw = zstandard.decompress(data, max_output_size=2 * _WIDTH * count)
    half = _WIDTH * count
    differences = _unshuffle(raw[:half]).view("<i8")
    return Chunk(first_ns + np.cumsum(differences, dtype=np.int64), _unshuffle(raw[half:]).view("<f8").copy())


def _shuffle(column: npt.NDArray[np.generic]) -> bytes:
    return np.frombuffer(column.tobytes(), dtype=np.uint8).reshape(-1, _WIDTH).T.tobytes()


def _unshuffle(data: bytes) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(np.frombuffer(data, dtype=np.uint8).reshape(_WIDTH, -1).T).reshape(-1)
