"""In which order cells are performed, so that what drifts with time does not look like an effect of an axis."""

import random

from migperf.experiments.document import Order

Turn = tuple[int, int]
"""A cell and a repeat of it, both from 0."""


def order_of(cells: int, repeats: int, order: Order, seed: int) -> tuple[Turn, ...]:
    """Return every repeat of every cell once, block by block: each block has every cell once."""
    if not cells:
        return ()
    blocks = _shuffled(cells, repeats, seed) if order is Order.SHUFFLED else _alternated(cells, repeats, seed)
    return tuple((cell, repeat) for repeat, block in enumerate(blocks) for cell in block)


def _shuffled(cells: int, repeats: int, seed: int) -> list[list[int]]:
    """Randomised complete blocks."""
    generator = random.Random(seed)
    blocks = [list(range(cells)) for _ in range(repeats)]
    for block in blocks:
        generator.shuffle(block)
    return blocks


def _alternated(cells: int, repeats: int, seed: int) -> list[list[int]]:
    """Rows of Williams' design (E. J. Williams, Austral. J. Sci. Res. 2, 1949), which cell is which drawn at random.

    Over a whole design every cell stands at every place equally often, and follows every other one equally often. With
    an even number of cells it has as many rows as cells, with an odd number twice as many, in mirrored pairs.
    """
    names = list(range(cells))
    random.Random(seed).shuffle(names)
    rows = _williams(cells)
    return [[names[place] for place in rows[repeat % len(rows)]] for repeat in range(repeats)]


def _williams(cells: int) -> list[list[int]]:
    first = [(place + 1) // 2 if place % 2 else (cells - place // 2) % cells for place in range(cells)]
    rows = [[(cell + shift) % cells for cell in first] for shift in range(cells)]
    if cells % 2 == 0:
        # A row and its mirror image next to each other: two repeats already balance a drift.
        return _mirrored_first(rows)
    return [row for pair in ((row, row[::-1]) for row in rows) for row in pair]


def _mirrored_first(rows: list[list[int]]) -> list[list[int]]:
    left, ordered = list(rows), []
    while left:
        row = left.pop(0)
        ordered.append(row)
        if row[::-1] in left:
            left.remove(row[::-1])
            ordered.append(row[::-1])
    return ordered
