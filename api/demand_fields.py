"""What the form of a demand asks: its fields, by the part of the demand that they belong to. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from migperf.analysis.advisor.demand import Goal, Loop
from migperf.measure.benchmark import Statistic
from migperf.measure.engine import Engine, Precision, Runtime

Control = Literal["text", "number", "choice", "switch", "parameters"]
Choices = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A field, as the form asks for it."""

    path: str
    """Where it is within its part of the demand, such as ``latency.limit_ms``."""
    label: str
    control: Control = "text"
    unit: str = ""
    placeholder: str = ""
    choices: Choices = ()
    """Of a choice: values, the default first, and words for them."""
    suggestions: str = ""
    """What it may be picked from: the name of a list that the page has."""
    aside: bool = False
    """Whether it is rarely needed, and so folded away."""

    @property
    def default(self) -> str:
        """What a choice is where nothing was chosen."""
        return self.choices[0][0] if self.choices else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A list of a demand, of which each row has the same fields."""

    title: str
    one: str
    """What a row is."""
    fields: tuple[Asked, ...]


def _choices(first: object, every: object) -> Choices:
    names = [str(first), *(str(one) for one in every if one != first)]  # type: ignore[attr-defined]
    return tuple((name, name.replace("_", " ")) for name in names)


_ENGINE = Engine()
_STATISTICS = _choices(Statistic.P99, Statistic)
_OF_JOB = (
    Asked(path="name", label="Name", placeholder="thumbnails"),
    Asked(path="benchmark.workload", label="Workload", suggestions="workloads", placeholder="whose runs speak for it"),
    Asked(
        path="benchmark.parameters", label="Parameters", control="parameters", placeholder="name=value, or its defaults"
    ),
)
_ASIDE_OF_JOB = (
    Asked(
        path="benchmark.engine.runtime",
        label="Engine",
        control="choice",
        choices=_choices(_ENGINE.runtime, Runtime),
        aside=True,
    ),
    Asked(
        path="benchmark.engine.precision",
        label="Precision",
        control="choice",
        choices=_choices(_ENGINE.precision, Precision),
        aside=True,
    ),
    Asked(path="benchmark.engine.channels_last", label="channels last", control="switch", aside=True),
    Asked(
        path="weight",
        label="Weight",
        control="number",
        placeholder="worth of 1 sample/s",
        aside=True,
    ),
    Asked(
        path="at_most_per_s",
        label="Counts up to",
        control="number",
        unit="/s",
        placeholder="no limit",
        aside=True,
    ),
)
PARTS: Mapping[str, Part] = {
    "gpus": Part(
        title="GPUs",
        one="board",
        fields=(
            Asked(path="model", label="Board", suggestions="boards", placeholder="A100-SXM4-80GB"),
            Asked(path="count", label="How many", control="number"),
        ),
    ),
    "services": Part(
        title="Services",
        one="service",
        fields=(
            *_OF_JOB,
            Asked(path="rate_per_s", label="Rate", control="number", unit="/s"),
            Asked(path="latency.statistic", label="Latency", control="choice", choices=_STATISTICS),
            Asked(path="latency.limit_ms", label="at most", control="number", unit="ms", placeholder="no limit"),
            *_ASIDE_OF_JOB,
        ),
    ),
    "training": Part(
        title="Training jobs",
        one="training job",
        fields=(
            *_OF_JOB,
            Asked(path="throughput_per_s", label="Throughput", control="number", unit="/s"),
            *_ASIDE_OF_JOB,
        ),
    ),
    "measured": Part(
        title="Figures given by hand",
        one="figure",
        fields=(
            Asked(path="of", label="Of", suggestions="jobs", placeholder="service or job"),
            Asked(path="profile", label="Profile", placeholder="1g.10gb, or whole"),
            Asked(path="throughput_per_s", label="Throughput", control="number", unit="/s"),
            Asked(path="latency.statistic", label="Latency", control="choice", choices=_STATISTICS),
            Asked(path="latency.ms", label="is", control="number", unit="ms"),
            Asked(path="source", label="Source", placeholder="where it is from"),
            Asked(path="model", label="Board", suggestions="boards", placeholder="that asked about", aside=True),
            Asked(path="memory_mib", label="Memory taken", control="number", unit="MiB", aside=True),
            Asked(
                path="loop",
                label="Measured in a loop",
                control="choice",
                choices=((str(Loop.CLOSED), "closed: nothing ever waited"), (str(Loop.OPEN), "open: requests arrived")),
                aside=True,
            ),
            Asked(path="does_not_fit", label="does not fit", control="switch", aside=True),
        ),
    ),
    "interference": Part(
        title="What neighbours cost, given by hand",
        one="pair of neighbours",
        fields=(
            Asked(path="of", label="Of", suggestions="jobs"),
            Asked(path="beside", label="Beside", suggestions="jobs"),
            Asked(path="slowdown", label="Slowdown", control="number", placeholder="1.08 times as long"),
            Asked(path="source", label="Source"),
        ),
    ),
}
"""The lists of a demand by the names that they have in it."""
WHOLE: tuple[Asked, ...] = (
    Asked(
        path="goal",
        label="Goal",
        control="choice",
        choices=((str(Goal.FEWEST_GPUS), "fewest GPUs"), (str(Goal.MOST_THROUGHPUT), "most weighted throughput")),
    ),
    Asked(
        path="reserve",
        label="Reserve",
        control="number",
        placeholder="0.2: 20 % free",
    ),
    Asked(path="time_limit_s", label="Time limit", control="number", unit="s", placeholder="4, at most 20"),
    Asked(path="tainted", label="use tainted runs as well", control="switch"),
)
"""What a demand has once."""
