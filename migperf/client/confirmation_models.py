"""What a confirmation is asked, and what it came to."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from migperf.analysis.terms import StatisticName
from migperf.client.comparison_models import ComparisonView
from migperf.statistics.verdict import Verdict

LEAST_PAIRS = 2
MOST_PAIRS = 64
"""The service compares no more runs of a side."""


class EndedBy(StrEnum):
    """Why no more pairs were made."""

    DECIDED = "decided"
    MAX_PAIRS = "max_pairs"
    BUDGET = "budget"
    RUN_ENDED = "run_ended"
    """A run came to an end other than success."""
    UNSUPPORTED = "unsupported"
    """The steps of a run do not support the statistic."""
    INTERRUPTED = "interrupted"


class ConfirmationPlan(BaseModel):
    """What is asked, and what it may cost: at most so many pairs, and so many seconds for all of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    budget_s: float = Field(default=600.0, gt=0)
    max_pairs: int = Field(default=20, ge=LEAST_PAIRS, le=MOST_PAIRS)
    statistic: StatisticName = StatisticName.MEAN
    margin: float = Field(default=0.01, gt=0, le=1)
    level: float = Field(default=0.95, ge=0.5, lt=1)
    seed: int = 0
    """Of the order within the pairs."""


class Pair(BaseModel):
    """Ids of two runs that followed each other, and which of them was first."""

    model_config = ConfigDict(frozen=True)

    baseline: str
    candidate: str
    first: str


class Confirmation(BaseModel):
    """What was made and found. ``comparison`` is that of the last look, None where there were too few pairs for one.

    ``level_each_look`` is the confidence of that comparison's interval, so that all planned looks together keep the
    plan's. ``label`` is the value of the label ``confirm`` of all runs that were made, whole pairs or not.
    """

    model_config = ConfigDict(frozen=True)

    partition: str
    label: str
    ended_by: EndedBy
    why: str
    pairs: tuple[Pair, ...]
    looks: tuple[int, ...]
    looks_planned: int
    level_each_look: float
    took_s: float
    comparison: ComparisonView | None

    @property
    def verdict(self) -> Verdict | None:
        """The verdict in time of the last look."""
        return None if self.comparison is None else self.comparison.candidates[0].verdict
