"""Solving the problem exactly: goal after goal, each with the bound that was proved, within a time limit."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ortools.sat.python.cp_model import FEASIBLE, INFEASIBLE, OPTIMAL, CpSolver, LinearExprT

from migperf.analysis.advisor.models import PER_MILLE, PerGpuModel, PlacementModel, PooledModel, model_of
from migperf.analysis.advisor.problem import Placement, Problem, Scores, evaluate
from migperf.analysis.advisor.relaxing import alone, crowded
from migperf.analysis.advisor.status import Status

SEED, WORKERS, LINEARIZATION = 0, 1, 2
"""One worker, so that one question has one answer. Without the linear relaxation it proves nothing in time: the model
is nearly linear (measured by ``benchmarks/advisor.py``)."""
MOST_TOLD_APART = 48
"""With more GPUs than that, variables for each take longer to make than there is time."""
NO_BOUND = 1 << 62
_LEAST_S = 0.05
_ROUNDING = 1e-6
"""The solver tells whole numbers as floats."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A goal: what was reached, and the bound that was proved."""

    value: int
    bound: int

    @property
    def optimal(self) -> bool:
        """Whether nothing better exists."""
        return self.value == self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """What was found. ``goal`` is GPUs or worth; ``ties_proved`` says that the lesser goals are at their best too."""

    status: Status
    placement: Placement = ()
    goal: Reached | None = None
    ties_proved: bool = False


@dataclass(frozen=True, slots=True)
class _Goal:
    expression: Callable[[PlacementModel], LinearExprT]
    most: bool = False


_WORTH = _Goal(lambda model: model.worth, most=True)
_GPUS = _Goal(lambda model: model.gpus)
_SLICES = _Goal(lambda model: model.slices)
_SHARE = _Goal(lambda model: model.smallest_share(), most=True)


def solve(problem: Problem, limit_s: float) -> Solution:
    """Return the best placement: fewest GPUs (or most worth first), then fewest slices, then the most even headroom."""
    deadline_s = time.monotonic() + limit_s
    if not problem.interferes:
        exact = _pursued(PooledModel(problem), deadline_s)
        return _solution(problem, exact, [exact], exact.reached[:1])
    # Without neighbours nothing can be worse, with all of them nothing better: between the two lies the truth.
    best_case = _Search(PooledModel(alone(problem)), deadline_s)
    best_case.model.require()
    best_case.improve(_goals(problem)[0])
    if best_case.infeasible:
        return Solution(status=Status.INFEASIBLE)
    worst_case = _pursued(PooledModel(crowded(problem)), deadline_s)
    told_apart = _without_surplus(problem, worst_case)
    if sum(kind.count for kind in told_apart.kinds) > MOST_TOLD_APART:
        return _solution(problem, None, [worst_case], best_case.reached)
    exact = _told_apart(told_apart, best_case, worst_case, deadline_s)
    return _solution(problem, exact, [exact, worst_case], [*exact.reached[:1], *best_case.reached])


def _told_apart(problem: Problem, best_case: "_Search", worst_case: "_Search", deadline_s: float) -> "_Search":
    """Search GPU by GPU, from what serves in the worst case on, and never for more than there is in the best."""
    model = PerGpuModel(problem)
    if best_case.reached:
        model.bound(_goals(problem)[0].expression(model), best_case.reached[0].bound, most=problem.seeks_worth)
    model.hint(worst_case.placement)
    return _pursued(model, deadline_s)


def _without_surplus(problem: Problem, worst_case: "_Search") -> Problem:
    """Return the problem without GPUs that the fewest cannot include: more of a kind than suffice in the worst case."""
    if problem.seeks_worth or not worst_case.reached:
        return problem
    enough = len(worst_case.placement)
    kinds = tuple(replace(kind, count=min(kind.count, enough)) for kind in problem.kinds)
    return replace(problem, kinds=kinds)


def largest_share(problem: Problem, limit_s: float) -> Reached | None:
    """Return what part of every requirement can be served at once, in PER_MILLE of it; None if the time was over."""
    search = _Search(model_of(problem), time.monotonic() + limit_s)
    search.improve(_Goal(lambda model: model.smallest_share(PER_MILLE), most=True))
    return search.reached[0] if search.reached else None


def _goals(problem: Problem) -> tuple[_Goal, ...]:
    first, last = (_WORTH,) if problem.seeks_worth else (), (_SHARE,) if problem.required else ()
    return (*first, _GPUS, _SLICES, *last)


def _pursued(model: PlacementModel, deadline_s: float) -> "_Search":
    """Seek all goals, one after the other, as far as the time goes."""
    search = _Search(model, deadline_s)
    model.require()
    for goal in _goals(model.problem):
        if not search.improve(goal):
            break
    return search


def _solution(
    problem: Problem, exact: "_Search | None", searches: "Sequence[_Search]", bounds: Sequence[Reached]
) -> Solution:
    """Return the best of what searches have found; ``exact`` is the one whose model is the problem itself."""
    found = [search for search in searches if search.reached]
    if not found:
        impossible = exact is not None and exact.infeasible
        return Solution(status=Status.INFEASIBLE if impossible else Status.UNKNOWN)
    best = min(found, key=lambda search: _key(problem, evaluate(problem, search.placement)))
    scores = evaluate(problem, best.placement)
    value = scores.worth if problem.seeks_worth else scores.gpus
    bound = _tightest(problem, [reached.bound for reached in bounds])
    return Solution(
        status=Status.OPTIMAL if value == bound else Status.FEASIBLE,
        placement=best.placement,
        goal=Reached(value, bound),
        ties_proved=best is exact and exact.complete(_goals(problem)),
    )


def _tightest(problem: Problem, bounds: Sequence[int]) -> int:
    """Return the best of the bounds that were proved; where there is none, one that holds of everything."""
    if problem.seeks_worth:
        return min(bounds, default=NO_BOUND)
    return max(bounds, default=0)


def _key(problem: Problem, scores: Scores) -> tuple[float, ...]:
    return (-scores.worth if problem.seeks_worth else 0, scores.gpus, scores.slices, -scores.share(problem))


class _Search:
    """A model and what has been found so far; every goal is kept while the next is sought."""

    def __init__(self, model: PlacementModel, deadline_s: float) -> None:
        self.model = model
        self.reached: list[Reached] = []
        self.placement: Placement = ()
        self.infeasible = False
        self._deadline_s = deadline_s

    def improve(self, goal: _Goal) -> bool:
        """Seek one goal, and say whether there is reason to seek the next."""
        expression = goal.expression(self.model)
        (self.model.cp.maximize if goal.most else self.model.cp.minimize)(expression)
        solver = self._solver()
        status = solver.solve(self.model.cp)
        self.infeasible = status == INFEASIBLE
        if status not in (OPTIMAL, FEASIBLE):
            return False
        value, bound = round(solver.objective_value), solver.best_objective_bound
        whole = math.floor(bound + _ROUNDING) if goal.most else math.ceil(bound - _ROUNDING)
        self.reached.append(Reached(value, value if status == OPTIMAL else whole))
        self.placement = self.model.placement(solver)
        self.model.hint(self.placement)
        self.model.bound(expression, value, most=not goal.most)
        return True

    def complete(self, goals: Sequence[_Goal]) -> bool:
        """Tell whether every goal is at its best, given those before it."""
        return len(self.reached) == len(goals) and all(reached.optimal for reached in self.reached)

    def _solver(self) -> CpSolver:
        solver = CpSolver()
        solver.parameters.max_time_in_seconds = max(_LEAST_S, self._deadline_s - time.monotonic())
        solver.parameters.random_seed = SEED
        solver.parameters.num_workers = WORKERS
        solver.parameters.linearization_level = LINEARIZATION
        # It would take Ctrl-C for itself and, when it is done, leave it to the system, which ends the process at once.
        solver.parameters.catch_sigint_signal = False
        return solver
