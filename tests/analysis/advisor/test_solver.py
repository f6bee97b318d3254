"""The solver's answer is the best that there is: whatever brute force finds on small problems, it finds as well."""

from collections import Counter
from itertools import product

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from migperf.analysis.advisor.problem import Kind, Option, Problem, Wanted, evaluate, holds
from migperf.analysis.advisor.solver import MOST_TOLD_APART, Solution, largest_share, solve
from migperf.analysis.advisor.status import Status
from tests.analysis.advisor import brute_force

pytestmark = pytest.mark.no_cover
HARD = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
LIMIT_S = 60.0
A30 = ((("4g", 1),), (("2g", 2),), (("1g", 2), ("2g", 1)), (("1g", 4),))
UNCUT = ((("whole", 1),),)
SLICES = {"1g": 1, "2g": 2, "4g": 4, "whole": 4}


@st.composite
def problems(draw: st.DrawFn, *, interference: bool) -> Problem:
    """Few GPUs of one or two kinds, and two or three jobs."""
    jobs = range(draw(st.integers(2, 2 if interference else 3)))
    kinds = [Kind(count=draw(st.integers(1, 2)), contents=draw(st.sampled_from([A30, A30[:3], (*A30[1:], *UNCUT)])))]
    if draw(st.booleans()) and not interference:
        kinds.append(Kind(count=1, contents=UNCUT))
    seeks_worth = draw(st.booleans())
    places = [
        (job, number, profile)
        for job in jobs
        for number, kind in enumerate(kinds)
        for profile in sorted({profile for content in kind.contents for profile, _ in content})
        if draw(st.integers(0, 4))
    ]
    slowing = _slowing(draw, [job for job, _, _ in places]) if interference else [{} for _ in places]
    options: list[Option] = []
    for (job, number, profile), slowed_by in zip(places, slowing, strict=True):
        depth = 1 + max(slowed_by.values(), default=0)
        capacity = sorted((draw(st.integers(0, 20)) for _ in range(depth)), reverse=True)
        worth = draw(st.integers(0, 3)) * capacity[0] if seeks_worth else 0
        options.append(
            Option(
                job=job,
                kind=number,
                profile=profile,
                slices=SLICES[profile],
                capacity=tuple(capacity),
                worth=tuple(worth * made // max(1, capacity[0]) for made in capacity) if seeks_worth else (0,),
                slowed_by=slowed_by,
            )
        )
    wanted = tuple(
        Wanted(
            required=draw(st.integers(0, 40)),
            most_worth=draw(st.none() | st.integers(0, 60)) if seeks_worth else None,
        )
        for _ in jobs
    )
    most_gpus = draw(st.none() | st.integers(0, 2))
    return Problem(tuple(kinds), wanted, tuple(options), seeks_worth=seeks_worth, most_gpus=most_gpus)


def _slowing(draw: st.DrawFn, jobs: list[int]) -> list[dict[int, int]]:
    """Levels that depend on jobs alone, on pairs of profiles, or of some options on one and of some on the other."""
    by_job = {pair: draw(st.integers(0, 2)) for pair in product(sorted(set(jobs)), repeat=2)}
    found: list[dict[int, int]] = []
    for job in jobs:
        if draw(st.booleans()):
            levels = {other: by_job[job, beside] for other, beside in enumerate(jobs)}
        else:
            levels = {other: draw(st.sampled_from([0, 0, 1, 2])) for other in range(len(jobs))}
        used = sorted({level for level in levels.values() if level})
        found.append({other: used.index(level) + 1 if level else 0 for other, level in levels.items()})
    return found


def key(problem: Problem, solution: Solution) -> tuple[int, ...]:
    """What was found, as brute force tells it."""
    scores = evaluate(problem, solution.placement)
    assert scores.serves(problem)
    first = (-scores.worth,) if problem.seeks_worth else ()
    share = min((1000 * scores.capacity[job] // problem.jobs[job].required for job in problem.required), default=None)
    return (*first, scores.gpus, scores.slices, *(() if share is None else (-min(100_000, share),)))


def check(problem: Problem) -> None:
    solution, best = solve(problem, LIMIT_S), brute_force.best(problem)
    event(solution.status)
    if best is None:
        assert solution.status is Status.INFEASIBLE
        return
    assert solution.status is Status.OPTIMAL
    assert key(problem, solution) == best
    for number, kind in enumerate(problem.kinds):
        assert sum(used.kind == number for used in solution.placement) <= kind.count
    assert all(holds(problem.kinds[used.kind].contents, problem, used) for used in solution.placement)
    assert solution.goal is not None
    assert solution.goal.value == solution.goal.bound == (-best[0] if problem.seeks_worth else best[0])


@HARD
@given(problems(interference=False))
def test_nothing_better_exists(problem: Problem) -> None:
    check(problem)


@HARD
@given(problems(interference=True))
def test_nothing_better_exists_where_neighbours_slow_each_other_down(problem: Problem) -> None:
    check(problem)


@HARD
@given(problems(interference=False) | problems(interference=True))
def test_the_part_of_a_demand_that_can_be_served_is_the_largest(problem: Problem) -> None:
    if problem.required:
        found = largest_share(problem, LIMIT_S)
        assert found is not None
        assert found.value == found.bound == brute_force.largest_share(problem)


def test_one_question_has_one_answer() -> None:
    options = tuple(
        Option(job=job, kind=0, profile=profile, slices=SLICES[profile], capacity=(SLICES[profile] * 10,))
        for job in range(5)
        for profile in ("1g", "2g", "4g")
    )
    problem = Problem((Kind(count=6, contents=A30),), tuple(Wanted(required=21 + job) for job in range(5)), options)
    answers = Counter(solve(problem, LIMIT_S).placement for _ in range(3))
    assert len(answers) == 1


def test_many_gpus_that_are_alike_are_counted_not_tried_one_by_one() -> None:
    options = (Option(job=0, kind=0, profile="1g", slices=1, capacity=(7,)),)
    problem = Problem((Kind(count=200, contents=A30),), (Wanted(required=1000),), options)
    solution = solve(problem, 60)
    assert solution.status is Status.OPTIMAL
    assert (solution.goal and solution.goal.value) == 36


def interfering(gpus: int, required: int) -> Problem:
    """Two jobs that need slices, the second slowed down beside the first."""
    options = (
        Option(job=0, kind=0, profile="1g", slices=1, capacity=(10,)),
        Option(job=1, kind=0, profile="1g", slices=1, capacity=(10, 5), slowed_by={0: 1}),
    )
    wanted = (Wanted(required=required), Wanted(required=required))
    return Problem((Kind(count=gpus, contents=A30),), wanted, options)


def test_a_neighbour_that_costs_less_on_another_profile_is_put_there() -> None:
    # Beside the other job on a slice it makes 5, beside it on two slices 10: only that serves both on one GPU.
    options = (
        Option(job=0, kind=0, profile="1g", slices=1, capacity=(10, 5), slowed_by={1: 1}),
        Option(job=1, kind=0, profile="1g", slices=1, capacity=(10,)),
        Option(job=1, kind=0, profile="2g", slices=2, capacity=(10,)),
    )
    solution = solve(
        Problem((Kind(count=1, contents=A30),), (Wanted(required=20), Wanted(required=10)), options), LIMIT_S
    )
    assert solution.status is Status.OPTIMAL
    assert [dict(used.instances) for used in solution.placement] == [{0: 2, 2: 1}]


def test_jobs_that_slow_each_other_down_get_gpus_of_their_own_where_that_takes_fewer() -> None:
    # Six instances of each would fill three GPUs, but not without sharing one, which costs more than is there.
    solution = solve(interfering(12, 60), LIMIT_S)
    assert solution.status is Status.OPTIMAL
    assert (solution.goal and solution.goal.value) == 4


def test_with_too_many_gpus_to_tell_apart_what_is_claimed_still_holds() -> None:
    many = 2 * MOST_TOLD_APART
    problem = interfering(many, 10 * many)
    solution = solve(problem, LIMIT_S)
    assert evaluate(problem, solution.placement).serves(problem)
    assert solution.goal is not None
    # Alone on a GPU each job needs a quarter as many GPUs as instances: that many suffice, and half are the bound.
    assert solution.goal.bound <= many // 2 <= solution.goal.value
    undecided = solve(interfering(many, 16 * many), LIMIT_S)
    assert (undecided.status, undecided.placement) == (Status.UNKNOWN, ())
