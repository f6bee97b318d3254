"""How requests arrive in detail: streams of a closed loop, or planned arrivals of an open one and their queue.

What a user submits; the arrivals themselves are made in ``measure/loops/arrivals.py``.
"""

from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_STREAMS = 64
LONGEST_TRACE = 10_000
"""It is part of every document of the run; what is longer can be drawn by a fitted process, or cut."""
HIGHEST_RATE_PER_S = 1_000_000


class Arrivals(StrEnum):
    """The process by which an open loop's requests arrive."""

    POISSON = "poisson"
    """Independent of each other: exponential times between arrivals."""
    CONSTANT = "constant"
    """The same time between any two."""
    BURSTY = "bursty"
    """Poisson at two rates by turns, in exponential times: a Markov-modulated Poisson process."""
    TRACE = "trace"
    """As recorded; begins anew when it is over."""


class Load(BaseModel):
    """The details of the scenarios multi_stream and server. Which of them a scenario needs, ``Benchmark`` checks."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    streams: Annotated[int, Field(ge=1, le=MOST_STREAMS)] = Field(
        default=1, description="Requests that are worked on at once (count)."
    )
    rate_per_s: Annotated[float, Field(gt=0, le=HIGHEST_RATE_PER_S)] | None = Field(
        default=None, description="server: requests that arrive, per second."
    )
    arrivals: Arrivals = Field(default=Arrivals.POISSON, description="server: how they arrive.")
    burst_factor: Annotated[float, Field(gt=1, le=1000)] = Field(
        default=4.0, description="bursty: rate within a burst over the mean rate."
    )
    burst_share: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.2, description="bursty: part of the time that is in a burst."
    )
    burst_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=1.0, description="bursty: mean length of a burst, seconds."
    )
    trace_s: Annotated[tuple[float, ...], Field(max_length=LONGEST_TRACE)] | None = Field(
        default=None, description="trace: times of arrival, seconds from the trace's beginning, ascending."
    )
    max_batch: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=1, description="server: requests that may be answered together (count)."
    )
    max_delay_ms: Annotated[float, Field(ge=0, le=60_000)] = Field(
        default=0.0, description="server: how long a request may wait for others to be answered with, ms."
    )
    queue_limit: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="server: a request that finds so many waiting is dropped (count); null: never."
    )
    timeout_ms: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="server: a request that has waited so long is given up, ms; null: never."
    )

    @model_validator(mode="after")
    def _arrivals_agree(self) -> Self:
        if (self.arrivals is Arrivals.TRACE) != (self.trace_s is not None):
            raise ValueError("trace_s and arrivals=trace belong together: give both or neither")
        if self.trace_s is not None:
            _check_trace(self.trace_s)
        if self.arrivals is Arrivals.BURSTY and self.burst_factor * self.burst_share > 1:
            raise ValueError(
                f"burst_factor x burst_share is {self.burst_factor * self.burst_share:g}: more than all requests "
                "would arrive in bursts; lower one of them to 1 at most together"
            )
        if self.max_delay_ms and self.max_batch == 1:
            raise ValueError("max_delay_ms makes requests wait for others, but max_batch is 1; raise max_batch")
        return self


def _check_trace(trace_s: tuple[float, ...]) -> None:
    if len(trace_s) < 2 or trace_s[0] < 0 or trace_s[-1] <= 0:  # noqa: PLR2004
        raise ValueError("trace_s needs at least two arrivals, at times of 0 s or later")
    if len(trace_s) > trace_s[-1] * HIGHEST_RATE_PER_S:
        raise ValueError(f"trace_s has {len(trace_s)} arrivals in {trace_s[-1]:g} s, more than a million a second")
    if any(later < earlier for earlier, later in pairwise(trace_s)):
        raise ValueError("trace_s is not ascending; sort it")
