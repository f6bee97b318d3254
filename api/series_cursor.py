"""The place of a watcher in the series of a run, as the id of an event: what it has been told of each series."""

import base64
import binascii
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from migperf.errors import MigperfError
from migperf.metrics.series import Chunk, Gap
from migperf.store.states import RunState

MOST_BYTES = 1 << 20
"""Of a cursor unpacked: 32,768 series. What claims to hold more was not made here."""
_HEAD = struct.Struct("<II")
_NEVER = np.iinfo(np.int64).min
_COLUMNS = 4


class BadSeriesCursorError(MigperfError):
    """The id is none that this stream has given out."""

    def __init__(self) -> None:
        super().__init__("no id of an event of this run's series; leave the header out to begin anew")


@dataclass(frozen=True, slots=True)
class Told:
    """What a watcher knows of one series: the time of its last sample and the start of its last gap, ns."""

    last_ns: int | None = None
    gap_ns: int | None = None
    gap_open: bool = False

    def news(self, gaps: tuple[Gap, ...]) -> tuple[Gap, ...]:
        """Return the gaps that the watcher does not know yet, or not as they are now."""
        return tuple(gap for gap in gaps if self._is_news(gap))

    def after(self, chunk: Chunk, gaps: tuple[Gap, ...]) -> Self:
        """Return what the watcher knows after these samples and gaps."""
        known = replace(self, last_ns=int(chunk.time_ns[-1])) if len(chunk) else self
        if not gaps:
            return known
        last = max(gaps, key=lambda gap: gap.start_ns)
        if self.gap_ns is not None and last.start_ns < self.gap_ns:
            return known
        return replace(known, gap_ns=last.start_ns, gap_open=last.end_ns is None)

    def _is_news(self, gap: Gap) -> bool:
        if self.gap_ns is None or gap.start_ns > self.gap_ns:
            return True
        return gap.start_ns == self.gap_ns and self.gap_open and gap.end_ns is not None


@dataclass(frozen=True, slots=True)
class SeriesCursor:
    """Where a watcher is: in which attempt of the run, and what it knows of each series, by the series' id."""

    attempt: int
    told: Mapping[int, Told] = field(default_factory=dict)

    def after(self, series_id: int, told: Told) -> Self:
        """Return the place after one more series was told of."""
        return replace(self, told={**self.told, series_id: told})

    def encode(self, run_id: str) -> str:
        """Return it as text of one line, good for this run only."""
        rows = [
            (i, _or_never(told.last_ns), _or_never(told.gap_ns), int(told.gap_open))
            for i, told in sorted(self.told.items())
        ]
        # Series are read together, so that most differences from one to the next are 0 or 1.
        columns = np.array(rows, "<i8").reshape(-1, _COLUMNS).T
        packed = zlib.compress(_HEAD.pack(_check(run_id), self.attempt) + np.diff(columns, prepend=0).tobytes(), 9)
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, run_id: str) -> Self:
        """Return the place that the text stands for. Raises BadSeriesCursorError."""
        unpacked = _unpacked(text)
        check, attempt = _HEAD.unpack_from(unpacked)
        if check != _check(run_id):
            raise BadSeriesCursorError
        columns = np.frombuffer(unpacked, "<i8", offset=_HEAD.size).reshape(_COLUMNS, -1)
        rows = columns.cumsum(axis=1).T.tolist()
        return cls(attempt, {i: Told(_or_none(last), _or_none(gap), bool(is_open)) for i, last, gap, is_open in rows})


def attempt_of(attempt: int, state: RunState) -> int:
    """Return which attempt a run's series are of: the next one as soon as the run waits for it."""
    return attempt + (state in (RunState.QUEUED, RunState.PLACED))


def _unpacked(text: str) -> bytes:
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        inflating = zlib.decompressobj()
        unpacked = inflating.decompress(packed, MOST_BYTES)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise BadSeriesCursorError from error
    whole = inflating.eof and not inflating.unused_data
    if not whole or len(unpacked) < _HEAD.size or (len(unpacked) - _HEAD.size) % (8 * _COLUMNS):
        raise BadSeriesCursorError
    return unpacked


def _check(run_id: str) -> int:
    return zlib.crc32(run_id.encode("utf-8", "replace"))


def _or_never(time_ns: int | None) -> int:
    return _NEVER if time_ns is None else time_ns


def _or_none(time_ns: int) -> int | None:
    return None if time_ns == _NEVER else time_ns
