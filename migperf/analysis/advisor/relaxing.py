"""A problem in which neighbours matter, between two in which they do not: one that is easier, one that is harder."""

from dataclasses import replace

from migperf.analysis.advisor.problem import Option, Problem


def alone(problem: Problem) -> Problem:
    """Return the problem as if no neighbour slowed anything down: whatever serves in truth serves here."""
    return replace(problem, jobs=tuple(replace(job, slowed_by={}) for job in problem.jobs))


def crowded(problem: Problem) -> Problem:
    """Return the problem as if every neighbour were there: whatever serves here serves in truth."""
    options = tuple(option if _has_gpu(problem, option) else _at_worst(problem, option) for option in problem.options)
    return replace(alone(problem), options=options)


def _has_gpu(problem: Problem, option: Option) -> bool:
    """Tell whether an instance of this profile leaves room for no other."""
    contents = [dict(content) for content in problem.kinds[option.kind].contents]
    return all(sum(content.values()) == 1 for content in contents if option.profile in content)


def _at_worst(problem: Problem, option: Option) -> Option:
    level = max(problem.jobs[option.job].slowed_by.values(), default=0)
    return replace(option, capacity=(option.capacity_at(level),), worth=(option.worth_at(level),))
