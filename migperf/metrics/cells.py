"""Rows as memoryviews, for what happens at every turn of a sampler.

Where the CPU has done something else since the last turn, each of numpy's functions takes some 20 to 50 us, as it
touches much memory of its own; a memoryview takes some 4 us.
"""

from typing import TypeAlias, cast

import numpy as np
import numpy.typing as npt

Cells: TypeAlias = "memoryview[float]"


def cells_of(row: npt.NDArray[np.float64]) -> Cells:
    """Return the numbers of a contiguous row, float64 of shape (n,), in place."""
    return cast("Cells", row.data)
