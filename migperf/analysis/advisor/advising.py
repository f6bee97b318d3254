"""From a demand and what is known to the answer. Loads the solver, so it is imported where it is needed."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.metadata import version

from migperf.analysis.advisor.advice import Advice, BoardCount, Proof
from migperf.analysis.advisor.assigning import assign
from migperf.analysis.advisor.boards import BoardStock
from migperf.analysis.advisor.demand import Demand, Goal
from migperf.analysis.advisor.explaining import assumptions, binds, explanation, headline
from migperf.analysis.advisor.formulating import problem_of, usable_cells, worth_unit_of
from migperf.analysis.advisor.interference import Slowdown
from migperf.analysis.advisor.models import PER_MILLE
from migperf.analysis.advisor.problem import Problem
from migperf.analysis.advisor.relaxing import alone, crowded
from migperf.analysis.advisor.reporting import advised_gpus, advised_jobs, interference_views
from migperf.analysis.advisor.shortage import Shortage
from migperf.analysis.advisor.solver import Solution, largest_share, solve
from migperf.analysis.advisor.status import Status
from migperf.analysis.advisor.strangers import strangers
from migperf.analysis.advisor.table import Stored, Table, table_of
from migperf.analysis.advisor.unmeasured import unknowns

_ASIDE = 0.1
"""Of the time limit, for each question beside the main one."""
_PLENTY = 4096
"""More GPUs of a board than anybody asks about."""


def advise(demand: Demand, boards: Sequence[BoardStock], stored: Stored, slowdowns: Iterable[Slowdown] = ()) -> Advice:
    """Answer a demand from what it gives by hand and from what runs say, alone (``stored``) and beside each other.

    Raises AdviceError.
    """
    begun_s = time.monotonic()
    table = table_of(demand, tuple(boards), stored, slowdowns)
    problem = problem_of(table)
    solution = _solve(table, problem)
    assigned = assign(table, problem, solution.placement)
    shortage = _shortage(table, problem, solution)
    jobs = advised_jobs(table, assigned)
    proof = _proof(table, solution, time.monotonic() - begun_s)
    return Advice(
        goal=demand.goal,
        status=solution.status,
        headline=headline(table, solution.status, assigned, jobs, shortage),
        gpus=advised_gpus(table, assigned),
        at_hand=[BoardCount(model=board.model, count=board.count) for board in boards],
        jobs=jobs,
        proof=proof,
        would_do=shortage.would_do,
        served_share=shortage.served_share,
        binds=binds(table, assigned, jobs, shortage),
        assumptions=assumptions(table, assigned, jobs),
        remarks=[*table.unused],
        interference=interference_views(table),
        never_measured=unknowns(table),
        never_measured_together=strangers(table, assigned),
        explanation=explanation(table, assigned, jobs, proof, shortage),
    )


def _blocked(table: Table, problem: Problem) -> bool:
    """Tell whether a job must get something and can be put on nothing."""
    placeable = {cell.job for cell in usable_cells(table)}
    return any(job not in placeable for job in problem.required)


def _solve(table: Table, problem: Problem) -> Solution:
    if _blocked(table, problem):
        return Solution(status=Status.INFEASIBLE)
    return solve(problem, table.demand.time_limit_s)


def _shortage(table: Table, problem: Problem, solution: Solution) -> Shortage:
    """Return what more GPUs, or one fewer, would mean. Neighbours are left out where that can only make it better."""
    limit_s = _ASIDE * table.demand.time_limit_s
    if solution.status is Status.INFEASIBLE and not _blocked(table, problem):
        share = largest_share(alone(problem), limit_s)
        return Shortage(
            served_share=None if share is None else share.bound / PER_MILLE, would_do=_would_do(table, problem, limit_s)
        )
    fewer = len(solution.placement) - 1
    if fewer < 1 or table.demand.goal is not Goal.FEWEST_GPUS:
        return Shortage()
    share = largest_share(alone(replace(problem, most_gpus=fewer)), limit_s)
    return Shortage(share_with_one_fewer=None if share is None else share.bound / PER_MILLE)


def _would_do(table: Table, problem: Problem, limit_s: float) -> list[BoardCount] | None:
    """Return how many GPUs of these boards would serve the demand, whoever sits beside whom; None if not known."""
    plenty = tuple(replace(kind, count=_PLENTY) for kind in problem.kinds)
    found = solve(crowded(replace(problem, kinds=plenty, seeks_worth=False)), limit_s)
    if not found.placement:
        return None
    counts = [sum(used.kind == number for used in found.placement) for number in range(len(plenty))]
    return [BoardCount(model=b.model, count=n) for b, n in zip(table.boards, counts, strict=True) if n]


def _proof(table: Table, solution: Solution, took_s: float) -> Proof:
    unit, scale = ("GPU", 1.0)
    if table.demand.goal is Goal.MOST_THROUGHPUT:
        unit, scale = "weighted sample/s", float(worth_unit_of(table))
    goal = solution.goal
    return Proof(
        value=None if goal is None else goal.value * scale,
        bound=None if goal is None else goal.bound * scale,
        unit=unit,
        gap=None if goal is None else abs(goal.bound - goal.value) / max(1, abs(goal.bound)),
        ties_proved=solution.ties_proved,
        solver=f"OR-Tools CP-SAT {version('ortools')}",
        took_s=took_s,
        limit_s=table.demand.time_limit_s,
    )
