"""The grid that A100 and the big GPUs after it share: 7 compute slices, 8 memory units."""

from collections.abc import Mapping
from dataclasses import dataclass

from migperf.gpus.simulation.board import BoardProfile, Engines

_ANYWHERE = (0, 1, 2, 3, 4, 5, 6)
"""Unit 7 has no compute slice of its own."""


@dataclass(frozen=True, slots=True)
class _Row:
    """What is the same on every board of this grid."""

    slot: int
    id: int
    slices: int
    max_count: int
    starts: tuple[int, ...]
    size: int
    suffix: str = ""


_GRID = (
    _Row(0x0, 19, 1, 7, _ANYWHERE, 1),
    _Row(0x7, 20, 1, 1, _ANYWHERE, 1, "+me"),
    _Row(0x9, 15, 1, 4, (0, 2, 4, 6), 2),
    _Row(0x1, 14, 2, 3, (0, 2, 4), 2),
    _Row(0x2, 9, 3, 2, (0, 4), 4),
    _Row(0x3, 5, 4, 1, (0,), 4),
    _Row(0x4, 0, 7, 1, (0,), 8),
)


def mib(gib: float) -> int:
    """Return MiB of a GiB figure that was printed with two decimals: the driver cuts memory in steps of 64 MiB."""
    return round(gib * 16) * 64


def seven_slices(
    *, gb: Mapping[int, int], gib: Mapping[int, float], sms: tuple[int, ...], engines: tuple[Engines, ...]
) -> tuple[BoardProfile, ...]:
    """Return the profiles of a board of this grid.

    By the number of memory units, ``gb`` is what the names say and ``gib`` what an instance gets; ``sms`` and
    ``engines`` follow the order 1g, 1g+me, 1g with twice the memory, 2g, 3g, 4g, 7g.
    """
    return tuple(
        BoardProfile(
            slot=row.slot,
            id=row.id,
            name=f"{row.slices}g.{gb[row.size]}gb{row.suffix}",
            slices=row.slices,
            max_count=row.max_count,
            sm_count=sm_count,
            memory_mib=mib(gib[row.size]),
            starts=row.starts,
            size=row.size,
            engines=own,
        )
        for row, sm_count, own in zip(_GRID, sms, engines, strict=True)
    )
