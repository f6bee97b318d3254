"""Real handwritten digits on a noisy canvas: a small task for which no download is needed.

scikit-learn ships 1797 scans of 8 x 8 pixels. Each is enlarged to 16 x 16 and lands at a random place of a 32 x 32
canvas, so that a model must find the digit before it can read it.
"""

from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import Tensor

CLASSES = 10
CANVAS = 32
TRAIN_IMAGES = 1400

_DIGIT = 16  # side of an enlarged scan, pixels
_INK = 16.0  # the scans' darkest value
_NOISE_STD = 0.2
_MEAN, _STD = 0.08, 0.31  # of a canvas with its digit, so that inputs are about standardised
_SPLIT_SEED = 0  # the same split for every study, so that their errors can be compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Digits:
    """Scans (N, 16, 16) with values from 0 to 1, and the digit that each shows (N)."""

    scans: Tensor
    labels: Tensor

    def canvases(self, picks: Tensor, generator: torch.Generator) -> Tensor:
        """Return the picked scans (B indices) on fresh canvases, (B, 1, 32, 32), standardised."""
        canvas = torch.empty(len(picks), CANVAS, CANVAS).normal_(std=_NOISE_STD, generator=generator)
        corner = torch.randint(CANVAS - _DIGIT + 1, (2, len(picks), 1), generator=generator)
        rows, columns = corner + torch.arange(_DIGIT)
        canvas[torch.arange(len(picks))[:, None, None], rows[:, :, None], columns[:, None, :]] += self.scans[picks]
        return canvas[:, None].sub_(_MEAN).div_(_STD)


def load_split() -> tuple[Digits, Digits]:
    """Return 1400 digits to train on and 397 to test on."""
    data = load_digits()
    scans = torch.from_numpy(data.images / _INK).float()
    enlarged = scans.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
    labels = torch.from_numpy(data.target)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(_SPLIT_SEED))
    train, test = order[:TRAIN_IMAGES], order[TRAIN_IMAGES:]
    return Digits(scans=enlarged[train], labels=labels[train]), Digits(scans=enlarged[test], labels=labels[test])
