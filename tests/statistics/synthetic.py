"""Synthetic series of which everything is known: what the statistics say of them can be checked."""

import math
from collections.abc import Callable

import numpy as np
from scipy.signal import lfilter

from migperf.statistics.samples import Samples

Noise = Callable[[int, np.random.Generator], Samples]
"""Makes so many values of mean 0 and standard deviation 1."""


def autoregressive(correlation: float) -> Noise:
    """AR(1): each value is ``correlation`` times the last, plus noise."""

    def make(count: int, generator: np.random.Generator) -> Samples:
        shocks = generator.standard_normal(count) * math.sqrt(1 - correlation**2)
        shocks[0] = generator.standard_normal()
        return np.asarray(lfilter([1.0], [1.0, -correlation], shocks))

    return make


def lognormal(sigma: float, correlation: float = 0.0) -> Noise:
    """The exponential of an AR(1) process, standardised: skewed, as latencies are."""
    mean = math.exp(sigma**2 / 2)
    spread = mean * math.sqrt(math.expm1(sigma**2))

    def make(count: int, generator: np.random.Generator) -> Samples:
        return (np.exp(sigma * autoregressive(correlation)(count, generator)) - mean) / spread

    return make


def periodic(period: float) -> Noise:
    """A sine of random phase, with as much independent noise."""

    def make(count: int, generator: np.random.Generator) -> Samples:
        phase = np.arange(count) / period + generator.random()
        return np.sin(2 * np.pi * phase) + math.sqrt(0.5) * generator.standard_normal(count)

    return make


def step_times(
    curve: Samples, noise: float, generator: np.random.Generator, *, correlation: float = 0.0, outliers: float = 0.0
) -> Samples:
    """A curve with relative noise, and a share of outliers that take twice as long on average."""
    series = curve * (1 + noise * autoregressive(correlation)(len(curve), generator))
    hit = generator.random(len(curve)) < outliers
    return np.where(hit, series * (1 + generator.exponential(size=len(curve))), series)


def runs(
    count: int, level: float, between: float, generator: np.random.Generator, *, samples: int = 400
) -> list[Samples]:
    """Runs whose means differ by ``between`` (relative), with 5 % of AR(1) noise within each."""
    means = level * np.exp(between * generator.standard_normal(count))
    return [mean * (1 + 0.05 * autoregressive(0.5)(samples, generator)) for mean in means]
