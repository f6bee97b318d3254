"""What a user submits: a benchmark and how its run is to be treated."""

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from migperf.measure.benchmark import Benchmark

LabelKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$")]
LabelValue = Annotated[str, StringConstraints(max_length=255)]


class RunRequest(Benchmark):
    """A benchmark to run once, with its place in the queue, its limits and its labels."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "workload": "vit-c-1gf",
                    "scenario": "single_stream",
                    "parameters": {"batch_size": 1},
                    "method": {"min_s": 5},
                    "where": {"kind": "cpu"},
                    "labels": {"commit": "4f1c2d7"},
                },
                {"workload": "vit-c-1gf", "scenario": "train", "parameters": {"batch_size": 8}, "timeout_s": 600},
            ]
        }
    )

    priority: Annotated[int, Field(ge=-100, le=100)] = Field(
        default=0, description="Runs of higher priority are placed first; among equals the oldest."
    )
    timeout_s: Annotated[float, Field(gt=0, le=7 * 86_400)] = Field(
        default=3600.0, description="The child is stopped after so many seconds, whatever it is doing."
    )
    retry_limit: Annotated[int, Field(ge=0, le=20)] = Field(
        default=2, description="How often the run is queued again when its worker or child is killed from outside."
    )
    taint_retry_limit: Annotated[int, Field(ge=0, le=10)] = Field(
        default=0,
        description="How often the run is queued again when its result is tainted or void; the last attempt's stays.",
    )
    in_history: bool = Field(
        default=True,
        description="Whether its result is a point of its benchmark's history; false for trials of something else.",
    )
    labels: Annotated[dict[LabelKey, LabelValue], Field(max_length=32)] = Field(
        default_factory=dict, description="Names and values to find the run by."
    )

    def benchmark(self) -> Benchmark:
        """Return the benchmark alone."""
        return Benchmark.model_validate(self.model_dump(include=set(Benchmark.model_fields)))
