"""When the requests of an open loop arrive: planned beforehand from a seed, whatever becomes of earlier ones."""

from collections.abc import Iterator
from itertools import chain, count

import numpy as np
import numpy.typing as npt

from migperf.measure.load import Arrivals, Load

NS_PER_S = 1_000_000_000
BLOCK = 1024
"""Arrivals that are drawn at once."""
STRETCHES = 64
"""Stretches in or between bursts that are drawn at once; even, so that they go on alternating."""

Seconds = npt.NDArray[np.float64]


def arrival_times_ns(load: Load, seed: int | tuple[int, int]) -> Iterator[int]:
    """Yield the times of arrival, ns from the beginning, ascending, without end. The same seed gives the same times.

    Raises ValueError if the load has neither a rate nor a trace.
    """
    generator, rate_per_s = np.random.default_rng(seed), mean_rate_per_s(load)
    if load.arrivals is Arrivals.TRACE and load.trace_s is not None:
        blocks = _repeated(np.asarray(load.trace_s))
    elif load.arrivals is Arrivals.CONSTANT:
        blocks = (np.arange(first, first + BLOCK) / rate_per_s for first in count(0, BLOCK))
    elif load.arrivals is Arrivals.BURSTY:
        blocks = _bursts(load, rate_per_s, generator)
    else:
        blocks = _poisson(rate_per_s, generator)
    return chain.from_iterable((block * NS_PER_S).astype(np.int64).tolist() for block in blocks)


def mean_rate_per_s(load: Load) -> float:
    """Return how many requests arrive per second in the long run. Raises ValueError without a rate or a trace."""
    if load.trace_s is not None:
        return len(load.trace_s) / _period_s(np.asarray(load.trace_s))
    if load.rate_per_s is None:
        raise ValueError("load.rate_per_s is missing: how many requests arrive per second?")
    return load.rate_per_s


def _poisson(rate_per_s: float, generator: np.random.Generator) -> Iterator[Seconds]:
    """Yield times with independent exponential distances."""
    now_s = 0.0
    while True:
        times_s = now_s + np.cumsum(generator.exponential(1 / rate_per_s, BLOCK))
        now_s = float(times_s[-1])
        yield times_s


def _bursts(load: Load, rate_per_s: float, generator: np.random.Generator) -> Iterator[Seconds]:
    """Yield times of a Markov-modulated Poisson process of two states (Fischer and Meier-Hellstern, The MMPP cookbook,
    Performance Evaluation 18, 1993).

    In a burst the rate is ``burst_factor`` times the mean; between bursts it is what makes the mean come out. Arrivals
    of a process of rate 1 are moved to where the intensity has added up to their times.
    """  # noqa: D205
    share = load.burst_share
    rates = np.array([load.burst_factor, (1 - share * load.burst_factor) / (1 - share)]) * rate_per_s
    lengths_s = np.array([load.burst_s, load.burst_s * (1 - share) / share])
    states = (np.arange(STRETCHES) + (generator.random() >= share)) % 2
    times_s, expected, arrived = np.zeros(1), np.zeros(1), 0.0
    while True:
        arriving = arrived + np.cumsum(generator.exponential(1.0, STRETCHES))
        arrived = float(arriving[-1])
        while expected[-1] < arrived:
            lasting_s = generator.exponential(lengths_s[states])
            times_s = np.concatenate([times_s, times_s[-1] + np.cumsum(lasting_s)])
            expected = np.concatenate([expected, expected[-1] + np.cumsum(rates[states] * lasting_s)])
        yield np.interp(arriving, expected, times_s)
        over = int(np.searchsorted(expected, arrived)) - 1
        times_s, expected = times_s[over:], expected[over:]


def _repeated(trace_s: Seconds) -> Iterator[Seconds]:
    """Yield the trace again and again, the mean distance between its arrivals apart."""
    for turn in count():
        yield trace_s + turn * _period_s(trace_s)


def _period_s(trace_s: Seconds) -> float:
    return float(trace_s[-1] + (trace_s[-1] - trace_s[0]) / (len(trace_s) - 1))
