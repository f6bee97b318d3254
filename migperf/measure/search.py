"""What a run may search for instead of measuring at the settings given. What a user submits."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class MaxRate(BaseModel):
    """The highest rate of arrivals at which a percentile of latency keeps its limit. Scenario server."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["max_rate"] = "max_rate"
    percentile: Literal[50, 90, 95, 99] = Field(default=99, description="Percentile of latency that is limited.")
    limit_ms: Annotated[float, Field(gt=0)] = Field(description="What it may be at most, ms.")
    tolerance: Annotated[float, Field(gt=0, le=0.5)] = Field(
        default=0.05, description="How close the rate that keeps the limit and one that breaks it get, relative."
    )
    trial_max_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=30.0, description="A rate that is not decided after so long counts as undecided, seconds."
    )


class MaxBatch(BaseModel):
    """The largest batch size with which the workload fits the partition."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["max_batch"] = "max_batch"
    limit: Annotated[int, Field(ge=1, le=1 << 20)] = Field(
        default=4096, description="Largest batch size that is tried (count)."
    )


Search = Annotated[MaxRate | MaxBatch, Field(discriminator="kind")]
