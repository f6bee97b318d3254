"""What a supervisor hands to a child: the benchmark, and the partition that it is bound to."""

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from migperf.gpus.partition import Partition
from migperf.measure.benchmark import Benchmark
from migperf.measure.company import Company


class Job(BaseModel):
    """One attempt to run a benchmark on a partition. Times out after ``timeout_s`` seconds, whatever it is doing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str
    benchmark: Benchmark
    partition: Partition
    timeout_s: float
    limit_memory: bool = False
    """Whether the child is to get no more memory of the host than its partition has, and the host can spare."""
    company: Company | None = None
    """The group that it is measured in; None of a run that is measured alone."""
    environment: dict[str, str] = Field(default_factory=dict)
    """Variables that the child is given before CUDA is initialised in it, such as those of a client of MPS."""
    facts: dict[str, JsonValue] = Field(default_factory=dict)
    """What is known of the place before the child begins; becomes part of the run's environment."""
