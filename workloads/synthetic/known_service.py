"""An inference payload whose service times are known, so that a load generator can be held against queueing theory.

Deterministic and exponential service are the D and the M of M/D/1 and M/M/1. The host waits, on CLOCK_MONOTONIC; no
device takes part.
"""

import time

import numpy as np
import numpy.typing as npt
from torch import nn

from workloads.base import Context, Figure, InferencePayload, Report, StepCost, Workload
from workloads.synthetic.parameters import Distribution, KnownServiceParameters, Waiting

_BLOCK = 1024
"""Service times drawn at once."""
_NS_PER_MS, _NS_PER_S = 1_000_000, 1_000_000_000

Nanoseconds = npt.NDArray[np.int64]


class ServiceTimes:
    """The service time of each request: a function of the seed and the request's number alone, whoever asks when."""

    def __init__(self, parameters: KnownServiceParameters, seed: int) -> None:
        self._parameters = parameters
        self._seed = seed
        self._number = -1
        self._block: Nanoseconds = np.empty(0, dtype=np.int64)

    def of(self, request: int) -> int:
        """Return the service time of the request with that number (from 0), ns, its stall included."""
        number, place = divmod(request, _BLOCK)
        if number != self._number:
            self._block, self._number = self._draw(number), number
        stalls = request == self._parameters.stall_at_request
        return int(self._block[place]) + (round(self._parameters.stall_s * _NS_PER_S) if stalls else 0)

    def _draw(self, number: int) -> Nanoseconds:
        mean_ns = self._parameters.service_ms * _NS_PER_MS
        if self._parameters.distribution is Distribution.DETERMINISTIC:
            return np.full(_BLOCK, round(mean_ns), dtype=np.int64)
        generator = np.random.default_rng([self._seed, number])
        return np.rint(generator.exponential(mean_ns, _BLOCK)).astype(np.int64)


class KnownService(InferencePayload):
    """Serves one request after the other, each for its service time."""

    samples_per_step = 1
    sample_unit = "request"

    def __init__(self, parameters: KnownServiceParameters, seed: int) -> None:
        self.model = nn.Identity()
        self.times = ServiceTimes(parameters, seed)
        self._wait = _spin_until if parameters.waiting is Waiting.SPIN else _sleep_until
        self._served = 0
        self._asked_ns = self._over_ns = 0

    def next_batch(self) -> None:
        """Return no batch."""

    def stage(self, batch: None) -> None:
        """Copy nothing."""

    def infer(self, batch: None) -> None:  # noqa: ARG002 - there is none
        """Take the service time of the next request; drawing it is part of it."""
        begun_ns = time.monotonic_ns()
        service_ns = self.times.of(self._served)
        ended_ns = self._wait(begun_ns + service_ns)
        self._served += 1
        self._asked_ns += service_ns
        self._over_ns += ended_ns - begun_ns - service_ns

    def step_cost(self) -> StepCost:
        """Return that a request computes nothing; nor may one be served before the run, as they are numbered."""
        return StepCost(flops=0, bytes=0, least_bytes=0)

    def report(self) -> Report:
        """Return the mean of the service times drawn, and by how much longer requests took, warm-up included, ms."""
        return Report(
            figures=(
                self._mean_figure("service_time_drawn", self._asked_ns),
                self._mean_figure("service_time_excess", self._over_ns),
            )
        )

    def _mean_figure(self, name: str, total_ns: int) -> Figure:
        if not self._served:
            return Figure(name=name, value=None, unit="ms", absent="no request was served")
        return Figure(name=name, value=total_ns / self._served / _NS_PER_MS, unit="ms")


class KnownServiceWorkload(Workload):
    """Offers inference only."""

    def inference(self, parameters: KnownServiceParameters, context: Context) -> KnownService:
        """Return a server that waits for its request number 0."""
        return KnownService(parameters, context.seed)


def _spin_until(deadline_ns: int) -> int:
    """Return when the deadline was seen to be over, ns."""
    while (now_ns := time.monotonic_ns()) < deadline_ns:
        pass
    return now_ns


def _sleep_until(deadline_ns: int) -> int:
    """Sleep until the deadline, and return when that was over, ns."""
    while (now_ns := time.monotonic_ns()) < deadline_ns:
        time.sleep((deadline_ns - now_ns) / _NS_PER_S)
    return now_ns
