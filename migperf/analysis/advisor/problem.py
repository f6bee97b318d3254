"""The demand as a problem of whole numbers, and what a way to place it comes to. Pure arithmetic, no solver.

An *option* is one job on one kind of instance. An instance belongs to one job. What it can do falls, level by level,
with the neighbours on its GPU: at level 0 none slows it down, and each slowdown that its option may have is a level.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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
    ``most_worth`` bounds what it adds to the worth.
    """

    required: int = 0
    most_worth: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One job on one profile of one kind of GPU; capacity and worth of an instance by level, never increasing.

    ``slowed_by`` gives, by the number of another option of the same kind of GPU, the level at which an instance of that
    one puts it.
    """

    job: int
    kind: int
    profile: str
    slices: int
    capacity: tuple[int, ...]
    worth: tuple[int, ...] = (0,)
    slowed_by: Mapping[int, int] = field(default_factory=dict)

    @property
    def lowest(self) -> int:
        """The level at which its worst neighbour puts it."""
        return max(self.slowed_by.values(), default=0)

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
        """Whether it matters what shares a GPU."""
        return any(option.lowest for option in self.options)

    @cached_property
    def required(self) -> tuple[int, ...]:
        """The jobs that have to reach something."""
        return tuple(number for number, job in enumerate(self.jobs) if job.required)

    def level(self, number: int, used: "Used") -> int:
        """Return the level of an option's instances on a GPU."""
        slowed_by = self.options[number].slowed_by
        return max((slowed_by.get(other, 0) for other, _ in used.beside(number)), default=0)


@dataclass(frozen=True, slots=True)
class Used:
    """A GPU that is used: how many instances of each option are on it."""

    kind: int
    instances: tuple[tuple[int, int], ...]
    """Numbers of options, and how many there are of each."""

    def beside(self, number: int) -> Iterator[tuple[int, int]]:
        """Yield what is beside one instance of an option: numbers of options, and how many there are of each."""
        for other, count in self.instances:
            if count > (other == number):
                yield other, count - (other == number)


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
        for number, count in used.instances:
            option, level = problem.options[number], problem.level(number, used)
            capacity[option.job] += count * option.capacity_at(level)
            worth[option.job] += count * option.worth_at(level)
            slices += count * option.slices
    bounded = (
        made if job.most_worth is None else min(made, job.most_worth)
        for made, job in zip(worth, problem.jobs, strict=True)
    )
    return Scores(tuple(capacity), sum(bounded), len(placement), slices)


def holds(contents: Sequence[Content], problem: Problem, used: Used) -> bool:
    """Tell whether a GPU can be cut so that it has the instances."""
    profiles: Counter[str] = Counter()
    for number, count in used.instances:
        profiles[problem.options[number].profile] += count
    return any(profiles <= Counter(dict(content)) for content in contents)
