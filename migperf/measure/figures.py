"""A figure: one number of a result, with its unit, its scope and its interval, or with the reason why it is absent."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from migperf.metrics.metric import Scope


class Interval(BaseModel):
    """A two-sided confidence interval, in the unit of its figure."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float
    high: float
    level: float = Field(gt=0, lt=1, description="Probability with which such intervals cover the true value.")
    method: str = Field(description="How it was computed.")


class ResultFigure(BaseModel):
    """One number of a result. Either ``value`` is there, or ``absent`` says why not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    unit: str
    scope: Scope
    value: float | None = None
    interval: Interval | None = None
    samples: int | None = Field(default=None, description="How many observations it rests on.")
    absent: str | None = None
    method: str | None = Field(default=None, description="How it was come by, where there is more than one way.")
    update_period_ms: float | None = Field(
        default=None, description="How often the meter behind it has a new reading, as observed, ms."
    )

    @model_validator(mode="after")
    def _value_or_reason(self) -> Self:
        if (self.value is None) == (self.absent is None):
            raise ValueError(f"figure {self.name!r} needs either a value or the reason why it has none")
        return self
