"""The best placement of a small problem by trying every one, with arithmetic of its own."""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations_with_replacement, product
from math import inf

from migperf.analysis.advisor.problem import Problem

Filling = tuple[int, tuple[int, ...]]
"""A kind of GPU, and the options on it, one number for each instance."""


def fillings(problem: Problem) -> dict[int, list[Filling]]:
    """Every way to fill one GPU of each kind with something."""
    return {kind: list(_of_kind(problem, kind)) for kind in range(len(problem.kinds))}


def _of_kind(problem: Problem, kind: int) -> Iterator[Filling]:
    mine = [number for number, option in enumerate(problem.options) if option.kind == kind]
    contents = [Counter(dict(content)) for content in problem.kinds[kind].contents]
    most = max((sum(content.values()) for content in contents), default=0)
    for size in range(1, most + 1):
        for chosen in combinations_with_replacement(mine, size):
            profiles = Counter(problem.options[number].profile for number in chosen)
            if any(all(content[p] >= n for p, n in profiles.items()) for content in contents):
                yield kind, chosen


def totals(problem: Problem, gpus: tuple[Filling, ...]) -> tuple[list[int], int, int]:
    """Capacity of each job, worth and slices; each instance looks at its neighbours one by one."""
    capacity, worth, slices = [0] * len(problem.jobs), [0] * len(problem.jobs), 0
    for _, chosen in gpus:
        for place, number in enumerate(chosen):
            option = problem.options[number]
            neighbours = [other for i, other in enumerate(chosen) if i != place]
            level = max([0, *(option.slowed_by.get(other, 0) for other in neighbours)])
            capacity[option.job] += option.capacity[min(level, len(option.capacity) - 1)]
            worth[option.job] += option.worth[min(level, len(option.worth) - 1)]
            slices += option.slices
    made = [min(w, inf if j.most_worth is None else j.most_worth) for w, j in zip(worth, problem.jobs, strict=True)]
    return capacity, int(sum(made)), slices


def best(problem: Problem) -> tuple[int, ...] | None:
    """The best of what serves the demand: worth (negated, where it is sought), GPUs, slices, share (negated)."""
    return min(_keys(problem), default=None)


def largest_share(problem: Problem) -> int:
    """What part of every requirement can be served at once, in thousandths."""
    return max(min(1000, _share(problem, totals(problem, gpus)[0])) for gpus in _fleets(problem))


def _keys(problem: Problem) -> Iterator[tuple[int, ...]]:
    for gpus in _fleets(problem):
        capacity, worth, slices = totals(problem, gpus)
        if all(made >= job.required for made, job in zip(capacity, problem.jobs, strict=True)):
            first = (-worth,) if problem.seeks_worth else ()
            last = (-min(100_000, _share(problem, capacity)),) if any(job.required for job in problem.jobs) else ()
            yield (*first, len(gpus), slices, *last)


def _share(problem: Problem, capacity: list[int]) -> int:
    """In whole thousandths."""
    return min(1000 * made // job.required for made, job in zip(capacity, problem.jobs, strict=True) if job.required)


def _fleets(problem: Problem) -> Iterator[tuple[Filling, ...]]:
    by_kind = fillings(problem)
    choices = [
        [fleet for size in range(kind.count + 1) for fleet in combinations_with_replacement(by_kind[number], size)]
        for number, kind in enumerate(problem.kinds)
    ]
    for fleets in product(*choices):
        gpus = tuple(filling for fleet in fleets for filling in fleet)
        if problem.most_gpus is None or len(gpus) <= problem.most_gpus:
            yield gpus
