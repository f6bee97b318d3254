"""The problem that every framework is set: a tiny convolutional classifier on fixed data, and what NumPy says of it.

Shapes: N images, one channel, H x W pixels; F filters of K x K; C classes. The network is a convolution without
padding, ReLU, the mean over the pixels, and a linear layer, trained by plain gradient descent on the cross-entropy.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from workloads.base import WrongAnswerError

IMAGES, SIDE, FILTERS, KERNEL, CLASSES = 32, 8, 8, 3, 4
LEARNING_RATE = 0.5
NOISE_STD = 0.2
TOLERANCE = 5e-3
"""Of the largest reference value: some times what TF32 rounds, which some frameworks multiply in unless told not to."""

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Filters F1KK and their bias F, the linear layer FC and its bias C; float32."""

    filters: Floats
    filter_bias: Floats
    linear: Floats
    linear_bias: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Images N1HW float32, and the class of each, N int64."""

    images: Floats
    labels: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """The same for everyone who has the same seed."""

    seed: int
    weights: Weights
    batches: tuple[Batch, ...]


def problem(seed: int, batches: int = 2) -> Problem:
    """Return weights and batches drawn from the seed."""
    generator = np.random.default_rng(seed)
    return Problem(seed=seed, weights=_weights(generator), batches=tuple(_batch(generator) for _ in range(batches)))


def logits(weights: Weights, images: Floats) -> Doubles:
    """Return the network's answer NC, in float64."""
    filters, filter_bias, linear, linear_bias = _doubled(weights)
    windows = _windows(images)
    hidden = np.einsum("nhwkl,fkl->nfhw", windows, filters[:, 0]) + filter_bias[:, None, None]
    answer: Doubles = np.maximum(hidden, 0).mean(axis=(2, 3)) @ linear + linear_bias
    return answer


def descend(weights: Weights, batch: Batch) -> tuple[float, Weights]:
    """Return the loss at these weights, and the weights after one step down its gradient, by the chain rule."""
    filters, filter_bias, linear, _ = _doubled(weights)
    windows = _windows(batch.images)
    hidden = np.einsum("nhwkl,fkl->nfhw", windows, filters[:, 0]) + filter_bias[:, None, None]
    pooled = np.maximum(hidden, 0).mean(axis=(2, 3))
    loss, by_logit = _cross_entropy(logits(weights, batch.images), batch.labels)
    pixels = hidden.shape[2] * hidden.shape[3]
    by_hidden = (by_logit @ linear.T)[:, :, None, None] * (hidden > 0) / pixels
    by_filters = np.einsum("nfhw,nhwkl->fkl", by_hidden, windows)[:, None]
    gradients = (by_filters, by_hidden.sum(axis=(0, 2, 3)), pooled.T @ by_logit, by_logit.sum(axis=0))
    names = ("filters", "filter_bias", "linear", "linear_bias")
    moved = {
        name: (getattr(weights, name) - LEARNING_RATE * gradient).astype(np.float32)
        for name, gradient in zip(names, gradients, strict=True)
    }
    return loss, Weights(**moved)


def losses(asked: Problem, steps: int) -> tuple[float, ...]:
    """Return the loss before each of the first steps of training on the first batch."""
    weights, found = asked.weights, []
    for _ in range(steps):
        loss, weights = descend(weights, asked.batches[0])
        found.append(loss)
    return tuple(found)


def error(answer: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """Return the largest difference from the reference, relative to the reference's largest value.

    Raises WrongAnswerError if it is more than rounding explains, if a value is not finite, or if the shape is another.
    """
    given, wanted = np.asarray(answer, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if given.shape != wanted.shape:
        raise WrongAnswerError(f"the answer has the shape {given.shape} and not {wanted.shape}")
    found = float(np.abs(given - wanted).max() / np.abs(wanted).max())
    if not found <= TOLERANCE:
        raise WrongAnswerError(
            f"the answer differs from what NumPy computes by {found:.2g} of its largest value, more than the "
            f"{TOLERANCE:g} that rounding explains"
        )
    return found


def _weights(generator: np.random.Generator) -> Weights:
    def drawn(*shape: int, std: float) -> Floats:
        return generator.normal(0.0, std, shape).astype(np.float32)

    return Weights(
        filters=drawn(FILTERS, 1, KERNEL, KERNEL, std=1 / KERNEL),
        filter_bias=drawn(FILTERS, std=0.1),
        linear=drawn(FILTERS, CLASSES, std=FILTERS**-0.5),
        linear_bias=drawn(CLASSES, std=0.1),
    )


def _batch(generator: np.random.Generator) -> Batch:
    """Return stripes whose direction tells the class, each image with a phase and noise of its own."""
    labels = np.arange(IMAGES) % CLASSES
    angle = np.pi * labels[:, None, None] / CLASSES
    down, across = np.mgrid[0:SIDE, 0:SIDE]
    phase = generator.uniform(0, 2 * np.pi, (IMAGES, 1, 1))
    stripes = np.sin(np.pi / 2 * (np.cos(angle) * across + np.sin(angle) * down) + phase)
    images = stripes + generator.normal(0.0, NOISE_STD, stripes.shape)
    return Batch(images=images[:, None].astype(np.float32), labels=labels.astype(np.int64))


def _doubled(weights: Weights) -> tuple[Doubles, Doubles, Doubles, Doubles]:
    return (
        weights.filters.astype(np.float64),
        weights.filter_bias.astype(np.float64),
        weights.linear.astype(np.float64),
        weights.linear_bias.astype(np.float64),
    )


def _windows(images: Floats) -> Doubles:
    """Return what lies under the filter at each place, NHWKK."""
    return sliding_window_view(images[:, 0].astype(np.float64), (KERNEL, KERNEL), axis=(1, 2))


def _cross_entropy(answer: Doubles, labels: npt.NDArray[np.int64]) -> tuple[float, Doubles]:
    """Return the mean cross-entropy and its gradient by the logits."""
    rows = np.arange(len(labels))
    shifted = np.exp(answer - answer.max(axis=1, keepdims=True))
    shares = shifted / shifted.sum(axis=1, keepdims=True)
    gradient = shares.copy()
    gradient[rows, labels] -= 1
    return float(-np.log(shares[rows, labels]).mean()), gradient / len(labels)
