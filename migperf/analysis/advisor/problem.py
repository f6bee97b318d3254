"""The demand as a problem of whole numbers, and what a way to place it comes to. Pure arithmetic, no solver.

An *option* is one job on one kind of instance. An instance belongs to one job. What it can do falls, level by level,
with the neighbours on its GPU: at level 0 none slows it down, and each slowdown that is known of its job is a level.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf

from migperf.analysis.advisor.boards import Content


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """GPUs that are alike: how many there are, and what each can be cut into."""

    count: int
    contents: tuple[Content, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A job in whole numbers.

    ``required`` is in the units of its own that its options' capacities are in; 0: nothing has to be reached.
    ``most_worth`` bounds what it adds to the worth. ``slowed_by`` gives the level at which a neighbour's job puts it.
    """

    required: int = 0
    most_worth: int | None = None
    slowed_by: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One job on one profile of one kind of GPU; capacity and worth of an instance by level, never increasing."""

    job: int
    kind: int
    profile: str
    slices: int
    capacity: tuple[int, ...]
    worth: tuple[int, ...] = (0,)

    def capacity_at(self, level: int) -> int:
        """Return the capacity of an instance at a level."""
        return self.capacity[min(level, len(self.capacity) - 1)]

    def worth_at(self, level: int) -> int:
        """Return the worth of an instance at a level."""
        return self.worth[min(level, len(self.worth) - 1)]


@dataclass(frozen=True)
class Problem:
    """Kinds of GPU, jobs, and what each job can be put on. ``most_gpus`` bounds the GPUs that may be used together."""

    kinds: tuple[Kind, ...]
    jobs: tuple[Wanted, ...]
    options: tuple[Option, ...]
    seeks_worth: bool = False
    most_gpus: int | None = None

    @cached_property
    def interferes(self) -> bool:
        """Whether it matters which jobs share a GPU."""
        return any(level for job in self.jobs for level in job.slowed_by.values())

    @cached_property
    def required(self) -> tuple[int, ...]:
        """The jobs that have to reach something."""
        return tuple(number for number, job in enumerate(self.jobs) if job.required)

    def level(self, job: int, beside: Mapping[int, int]) -> int:
        """Return the level of a job's instances on a GPU with so many instances of each job, its own included."""
        slowed_by = self.jobs[job].slowed_by
        return max((slowed_by.get(other, 0) for other, count in beside.items() if count > (other == job)), default=0)


@dataclass(frozen=True, slots=True)
class Used:
    """A GPU that is used: how many instances of each option are on it."""

    kind: int
    instances: tuple[tuple[int, int], ...]
    """Numbers of options, and how many there are of each."""


Placement = tuple[Used, ...]


@dataclass(frozen=True, slots=True)
class Scores:
    """What a placement comes to."""

    capacity: tuple[int, ...]
    """Of each job, in its units."""
    worth: int
    gpus: int
    slices: int

    def share(self, problem: Problem) -> float:
        """Return the smallest capacity over what is required; infinite where nothing is."""
        return min((self.capacity[job] / problem.jobs[job].required for job in problem.required), default=inf)

    def serves(self, problem: Problem) -> bool:
        """Tell whether every job reaches what is required."""
        return all(self.capacity[job] >= problem.jobs[job].required for job in problem.required)


def evaluate(problem: Problem, placement: Placement) -> Scores:
    """Return what a placement comes to, neighbours considered."""
    capacity, worth, slices = [0] * len(problem.jobs), [0] * len(problem.jobs), 0
    for used in placement:
        beside = jobs_on(problem, used)
        for number, count in used.instances:
            option = problem.options[number]
            level = problem.level(option.job, beside)
            capacity[option.job] += count * option.capacity_at(level)
            worth[option.job] += count * option.worth_at(level)
            slices += count * option.slices
    bounded = (
        made if job.most_worth is None else min(made, job.most_worth)
        for made, job in zip(worth, problem.jobs, strict=True)
    )
    return Scores(tuple(capacity), sum(bounded), len(placement), slices)


def jobs_on(problem: Problem, used: Used) -> Counter[int]:
    """Return how many instances of each job are on a GPU."""
    counted: Counter[int] = Counter()
    for number, count in used.instances:
        counted[problem.options[number].job] += count
    return counted


def holds(contents: Sequence[Content], problem: Problem, used: Used) -> bool:
    """Tell whether a GPU can be cut so that it has the instances."""
    profiles: Counter[str] = Counter()
    for number, count in used.instances:
        profiles[problem.options[number].profile] += count
    return any(profiles <= Counter(dict(content)) for content in contents)
