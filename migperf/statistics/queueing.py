"""What theory says of one server with Poisson arrivals, first come first served: what a load generator is held against.

``load`` is the rate of arrivals times the mean service time, between 0 and 1. Times are in units of that service time.
"""

import math
from decimal import Decimal, localcontext

DIGITS = 100


def mean_wait(load: float, *, constant: bool) -> float:
    """Return the mean time until service begins (Pollaczek and Khinchine; Kleinrock, Queueing Systems 1, 5.6).

    ``constant`` service times (M/D/1) make for half the waiting of exponential ones (M/M/1).
    """
    return load / (1 - load) / (2 if constant else 1)


def latency_below(time: float, load: float, *, constant: bool) -> float:
    """Return the probability that waiting and service together take no longer than ``time``.

    M/M/1: exponential with mean 1 / (1 - load) (Kleinrock 1, 5.8). M/D/1: Erlang's series of 1909, whose terms are
    large and change their signs, hence the many digits.
    """
    if not constant:
        return -math.expm1(-(1 - load) * max(time, 0.0))
    if time < 1:
        return 0.0
    with localcontext(prec=DIGITS):
        waited, rate = Decimal(time) - 1, Decimal(load)
        terms = (
            (-rate * (waited - k)) ** k / math.factorial(k) * (rate * (waited - k)).exp()
            for k in range(1, math.floor(waited) + 1)
        )
        return float((1 - rate) * sum(terms, start=(rate * waited).exp()))


def latency_quantile(quantile: float, load: float, *, constant: bool) -> float:
    """Return what the latency of that share of the requests, 0 to 1, does not exceed; by bisection."""
    low, high = 0.0, 1.0
    while latency_below(high, load, constant=constant) < quantile:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if latency_below(middle, load, constant=constant) < quantile else (low, middle)
    return high
