"""What was going on around a measurement: facts, and what of them spoils its figures.

Data alone: ``gathering`` collects the facts of a run, ``rules`` judges them.
"""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field


class Taint(BaseModel):
    """A rule that a run has broken: its figures may be off. Written for people."""

    model_config = ConfigDict(frozen=True)

    rule: str = Field(description="Name of the rule.")
    seen: str = Field(description="What was seen.")
    threshold: str = Field(description="What would have been in order.")
    remedy: str = Field(description="What helps.")


class Facts(BaseModel):
    """What was seen of the measured window, unless said otherwise.

    None has two meanings: ``absent`` says why what matters here is not known; what is not in it does not matter here,
    such as the clock of a GPU to a run on the CPU.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    throttled_share: float | None = None
    """Share of the window, 0 to 1, in which clocks were held down."""
    throttled_by: tuple[str, ...] = ()
    clock_sm_spread_rel: float | None = None
    """Highest less lowest clock of the multiprocessors, relative to the mean."""
    device_processes: int | None = None
    """The most processes that computed on the run's device at a time, its own included."""
    neighbours_sm_active_pct: float | None = None
    """Multiprocessors of the GPU's other instances that were active, on average."""
    used_instances: int | None = None
    """Where that is not known: other partitions of the GPU that processes were on before or after the run."""
    board_recut: str | None = None
    """How the rest of the run's GPU was cut anew during the run."""

    processors: int | None = None
    """Logical CPUs of the host."""
    has_all_processors: bool = False
    """Whether the run computes on the host's processors, and may use them all."""
    host_cpu_cores: float | None = None
    """Processors that were busy, on average."""
    others_cpu_cores: float | None = None
    """Processors that others than the run's process tree kept busy, on average; migperf's own work included, that of
    the other runs of its group not."""
    company_cpu_cores: float | None = None
    """Of a run that is measured together with others: processors that their process trees kept busy, on average."""
    load_average_1min: float | None = None
    """Before the run."""
    cpu_governor: str | None = None
    cpu_scaling_driver: str | None = None
    cpu_pressure_share: float | None = None
    """Share of the time in which something on the host waited for a processor, 0 to 1 (PSI)."""
    memory_pressure_share: float | None = None
    io_pressure_share: float | None = None
    swapped_mib_per_s: float | None = None

    steadiness: str | None = None
    """What the timings of the window look like: steady, changing, drifting."""
    steadiness_why: str | None = None
    warmup_steadiness: str | None = None
    """The same of a warm-up that ended since its time was over."""
    warmup_steadiness_why: str | None = None
    sampler_lateness_ms: float | None = None
    """How late readings began: the highest percentile that their number supports, p99 at most."""
    sampler_period_ms: float | None = None

    utilisation: float | None = None
    """Of an open loop: share of the window in which its streams were answering, 0 to 1."""
    offered_per_s: float | None = None
    """Of an open loop: requests that arrived, per second."""
    generator_honest_per_s: float | None = None
    """Of an open loop: the rate up to which arrivals were on time here when answering cost nothing."""

    absent: dict[str, str] = Field(default_factory=dict)
    """Why a fact is not known, by its name."""


class Hygiene(BaseModel):
    """What the environment of a run holds under ``hygiene``."""

    model_config = ConfigDict(frozen=True)

    facts: Facts | None = None
    """None of a run without a measured window."""
    not_checked: dict[str, str] = Field(default_factory=dict)
    """Why a rule could not be applied, by its name; ``isolation`` is that of what makes a run void."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Beyond these a rule is broken. docs/explanation/numbers.md says why they are what they are."""

    throttled_share: float = 0.0
    clock_sm_spread_rel: float = 0.05
    device_processes: int = 1
    neighbours_sm_active_pct: float = 1.0
    used_instances: int = 0
    others_cpu_share: float = 0.05
    """Of the host's processors, where the run computes on them all."""
    others_cpu_cores: float = 0.25
    """Less than this of others never counts."""
    host_cpu_share: float = 0.8
    """Of the host's processors, where the run computes on a GPU, or may use some of them only."""
    memory_pressure_share: float = 0.05
    swapped_mib_per_s: float = 0.1
    utilisation: float = 0.99
    sampler_periods: float = 1.0
    """How late a reading may begin, in periods of reading."""
