"""A problem in which neighbours matter, between two in which they do not: one that is easier, one that is harder."""

from dataclasses import replace

from migperf.analysis.advisor.problem import Option, Problem


def alone(problem: Problem) -> Problem:
    """Return the problem as if no neighbour slowed anything down: whatever serves in truth serves here."""
    return replace(problem, options=tuple(replace(option, slowed_by={}) for option in problem.options))


def crowded(problem: Problem) -> Problem:
    """Return the problem as if every neighbour were there: whatever serves here serves in truth."""
    return replace(problem, options=tuple(map(_at_worst, problem.options)))


def _at_worst(option: Option) -> Option:
    worst = option.lowest
    return replace(option, capacity=(option.capacity_at(worst),), worth=(option.worth_at(worst),), slowed_by={})
