"""The problem as a model of the solver: its variables, what they must keep, and what they come to."""

from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping
from typing import NamedTuple

from ortools.sat.python.cp_model import CpModel, CpSolver, IntVar, LinearExpr, LinearExprT

from migperf.analysis.advisor.problem import Option, Placement, Problem, Used

PER_MILLE = 1000
"""The smallest share is sought in steps of so much of what is required."""
MOST_SHARE = 100 * PER_MILLE
_MOST_WORTH = 1 << 52


class Slot(NamedTuple):
    """A place that layouts are chosen for: one GPU, or all GPUs of a kind together."""

    kind: int
    gpu: int


class PlacementModel(ABC):
    """Variables and rules. ``capacity`` (of each job), ``worth``, ``gpus`` and ``slices`` are linear in them."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.cp = CpModel()
        self.capacity: list[LinearExprT] = []
        self.worth: LinearExprT = 0
        self.gpus: LinearExprT = 0
        self.slices: LinearExprT = 0
        self._build()
        if problem.most_gpus is not None:
            self.cp.add(self.gpus <= problem.most_gpus)

    @abstractmethod
    def _build(self) -> None:
        """Make the variables, their rules, and what they come to."""

    @abstractmethod
    def placement(self, solver: CpSolver) -> Placement:
        """Return what the solver has found."""

    @abstractmethod
    def hint(self, placement: Placement) -> None:
        """Tell the solver where to begin."""

    def bound(self, expression: LinearExprT, value: int, *, most: bool) -> None:
        """Have something be at most, or at least, a value."""
        self.cp.add(expression <= value if most else expression >= value)

    def require(self) -> None:
        """Have every job reach what is required of it."""
        for job in self.problem.required:
            self.cp.add(self.capacity[job] >= self.problem.jobs[job].required)

    def smallest_share(self, most: int = MOST_SHARE) -> LinearExprT:
        """Return a variable, to be made large, for the smallest share of what is required, in PER_MILLE."""
        share = self.cp.new_int_var(0, most, "share")
        for job in self.problem.required:
            self.cp.add(PER_MILLE * self.capacity[job] >= share * self.problem.jobs[job].required)
        return share

    def _sum_worth(self, by_job: Mapping[int, LinearExprT]) -> None:
        bounded: list[LinearExprT] = []
        for number, made in by_job.items():
            most = self.problem.jobs[number].most_worth
            if most is None:
                bounded.append(made)
                continue
            counted = self.cp.new_int_var(0, min(most, _MOST_WORTH), f"worth{number}")
            self.cp.add(counted <= made)
            bounded.append(counted)
        self.worth = LinearExpr.sum(bounded)

    def _cut(self, slot: Slot, count: int) -> tuple[list[IntVar], dict[str, LinearExprT]]:
        """Choose contents for so many GPUs; return how often each is chosen, and the instances of each profile."""
        contents = self.problem.kinds[slot.kind].contents
        chosen = [self.cp.new_int_var(0, count, f"content{slot}{number}") for number in range(len(contents))]
        self.cp.add(LinearExpr.sum(chosen) <= count)
        there: defaultdict[str, list[LinearExprT]] = defaultdict(list)
        for variable, content in zip(chosen, contents, strict=True):
            for profile, number in content:
                there[profile].append(number * variable)
        return chosen, {profile: LinearExpr.sum(terms) for profile, terms in there.items()}

    def _most_of(self, kind: int, profile: str) -> int:
        """Return the most instances of a profile on one GPU."""
        return max((dict(content).get(profile, 0) for content in self.problem.kinds[kind].contents), default=0)


class PooledModel(PlacementModel):
    """GPUs that are alike are counted, not told apart. Exact where it does not matter who shares a GPU."""

    def _build(self) -> None:
        problem = self.problem
        self._chosen: list[list[IntVar]] = []
        instances: list[dict[str, LinearExprT]] = []
        for number, kind in enumerate(problem.kinds):
            chosen, there = self._cut(Slot(number, 0), kind.count)
            self._chosen.append(chosen)
            instances.append(there)
        self._taken = [
            self.cp.new_int_var(0, problem.kinds[o.kind].count * self._most_of(o.kind, o.profile), f"option{number}")
            for number, o in enumerate(problem.options)
        ]
        sharing: defaultdict[tuple[int, str], list[IntVar]] = defaultdict(list)
        for option, taken in zip(problem.options, self._taken, strict=True):
            sharing[option.kind, option.profile].append(taken)
        for (kind_number, profile), users in sharing.items():
            self.cp.add(LinearExpr.sum(users) <= instances[kind_number].get(profile, 0))
        self._add_up()

    def _add_up(self) -> None:
        pairs = list(zip(self.problem.options, self._taken, strict=True))
        jobs = range(len(self.problem.jobs))
        self.capacity = [LinearExpr.sum([o.capacity[0] * taken for o, taken in pairs if o.job == job]) for job in jobs]
        self._sum_worth(
            {job: LinearExpr.sum([o.worth[0] * taken for o, taken in pairs if o.job == job]) for job in jobs}
        )
        self.gpus = LinearExpr.sum([variable for chosen in self._chosen for variable in chosen])
        self.slices = LinearExpr.sum([o.slices * taken for o, taken in pairs])

    def hint(self, placement: Placement) -> None:
        """Tell the solver which instances to begin with."""
        counted: Counter[int] = Counter()
        for used in placement:
            counted.update(dict(used.instances))
        self.cp.clear_hints()
        for number, taken in enumerate(self._taken):
            self.cp.add_hint(taken, counted[number])

    def placement(self, solver: CpSolver) -> Placement:
        """Hand the instances out to the GPUs in order; those that get none are left out."""
        left = {number: int(solver.value(taken)) for number, taken in enumerate(self._taken)}
        found: list[Used] = []
        for kind_number, chosen in enumerate(self._chosen):
            contents = self.problem.kinds[kind_number].contents
            for variable, content in zip(chosen, contents, strict=True):
                for _ in range(int(solver.value(variable))):
                    got = self._fill(kind_number, dict(content), left)
                    if got:
                        found.append(Used(kind_number, tuple(got.items())))
        return tuple(found)

    def _fill(self, kind: int, room: dict[str, int], left: dict[int, int]) -> dict[int, int]:
        got: dict[int, int] = {}
        for number, option in enumerate(self.problem.options):
            count = min(left[number], room.get(option.profile, 0)) if option.kind == kind else 0
            if count:
                got[number] = count
                left[number] -= count
                room[option.profile] -= count
        return got


class PerGpuModel(PlacementModel):
    """Every GPU has variables of its own, as what is on it slows each other down.

    Options that are slowed down by the same others at the same levels, and slow the same others down, are *alike*: they
    are at one level, and as neighbours only their number counts. Where slowdowns hold for every profile of a job, it is
    alike on all profiles of a kind, and takes as few variables as if profiles did not matter.

    GPUs that are alike are not put in an order: the solver sees that they are, and finds more without the constraint.
    """

    def _build(self) -> None:
        problem = self.problem
        self._slots = [Slot(kind, gpu) for kind, one in enumerate(problem.kinds) for gpu in range(one.count)]
        self._taken: dict[tuple[Slot, int, int], IntVar] = {}
        self._alike = _alike(problem)
        used: list[LinearExprT] = []
        for slot in self._slots:
            chosen, there = self._cut(slot, 1)
            used.append(LinearExpr.sum(chosen))
            by_option = self._options(slot, there)
            self._levels(slot, by_option)
        self.gpus = LinearExpr.sum(used)
        self._add_up()

    def _options(self, slot: Slot, there: Mapping[str, LinearExprT]) -> dict[int, LinearExprT]:
        """Make the instances of each option on a GPU, level by level, and return their numbers."""
        sharing: defaultdict[str, list[LinearExprT]] = defaultdict(list)
        by_option: dict[int, LinearExprT] = {}
        for number, option in enumerate(self.problem.options):
            if option.kind != slot.kind:
                continue
            most = self._most_of(option.kind, option.profile)
            made = [self.cp.new_int_var(0, most, f"option{slot}{number}.{level}") for level in _levels_of(option)]
            self._taken |= {(slot, number, level): variable for level, variable in enumerate(made)}
            by_option[number] = LinearExpr.sum(made)
            sharing[option.profile] += made
        for profile, users in sharing.items():
            self.cp.add(LinearExpr.sum(users) <= there.get(profile, 0))
        return by_option

    def _levels(self, slot: Slot, by_option: Mapping[int, LinearExprT]) -> None:
        """Have the instances on a GPU be at no lower a level than their neighbours put them at."""
        most = self._most_on(slot.kind)
        here = [alike for alike in self._alike if self.problem.options[alike[0]].kind == slot.kind]
        counts = [LinearExpr.sum([by_option[number] for number in alike]) for alike in here]
        others: dict[tuple[int, int], IntVar] = {}
        for place, alike in enumerate(here):
            option = self.problem.options[alike[0]]
            if not option.lowest:
                continue
            at = [self.cp.new_bool_var(f"level{slot}{place}.{level}") for level in _levels_of(option)]
            self.cp.add_exactly_one(at)
            for level, chosen in enumerate(at):
                self.cp.add(LinearExpr.sum([self._taken[slot, number, level] for number in alike]) <= most * chosen)
            for neighbour, other in enumerate(here):
                if not (lowest := option.slowed_by.get(other[0], 0)):
                    continue
                least = 1 if neighbour == place else 0
                if (neighbour, least) not in others:
                    others[neighbour, least] = self._more_than(counts[neighbour], least, most)
                self.cp.add_at_most_one([others[neighbour, least], *at[:lowest]])

    def _more_than(self, count: LinearExprT, least: int, most: int) -> IntVar:
        """Return a truth that must hold where a count is more than ``least``."""
        truth = self.cp.new_bool_var("")
        self.cp.add(count <= least + most * truth)
        return truth

    def _most_on(self, kind: int) -> int:
        return max((sum(dict(content).values()) for content in self.problem.kinds[kind].contents), default=1)

    def _add_up(self) -> None:
        options, jobs = self.problem.options, range(len(self.problem.jobs))
        capacity: dict[int, list[LinearExprT]] = {job: [] for job in jobs}
        worth: dict[int, list[LinearExprT]] = {job: [] for job in jobs}
        slices: list[LinearExprT] = []
        for (_, number, level), taken in self._taken.items():
            option = options[number]
            capacity[option.job].append(option.capacity_at(level) * taken)
            worth[option.job].append(option.worth_at(level) * taken)
            slices.append(option.slices * taken)
        self.capacity = [LinearExpr.sum(capacity[job]) for job in jobs]
        self._sum_worth({job: LinearExpr.sum(worth[job]) for job in jobs})
        self.slices = LinearExpr.sum(slices)

    def hint(self, placement: Placement) -> None:
        """Tell the solver which instances to begin with, at the levels that they are at."""
        self.cp.clear_hints()
        wanted: dict[tuple[Slot, int, int], int] = {}
        for kind in range(len(self.problem.kinds)):
            for gpu, used in enumerate(used for used in placement if used.kind == kind):
                wanted |= self._at_levels(Slot(kind, gpu), used)
        for key, taken in self._taken.items():
            self.cp.add_hint(taken, wanted.get(key, 0))

    def _at_levels(self, slot: Slot, used: Used) -> dict[tuple[Slot, int, int], int]:
        return {(slot, number, self.problem.level(number, used)): count for number, count in used.instances}

    def placement(self, solver: CpSolver) -> Placement:
        """Return the instances of every GPU that has some; what carries nothing is left out."""
        found: list[Used] = []
        for slot in self._slots:
            counted: Counter[int] = Counter()
            for (of, number, level), taken in self._taken.items():
                option = self.problem.options[number]
                if of == slot and (option.capacity_at(level) or option.worth_at(level)):
                    counted[number] += int(solver.value(taken))
            if instances := tuple((number, count) for number, count in counted.items() if count):
                found.append(Used(slot.kind, instances))
        return tuple(found)


def _levels_of(option: Option) -> range:
    return range(1 + option.lowest)


def _alike(problem: Problem) -> list[list[int]]:
    """Return the options of each kind of GPU that are slowed down by the same others, and slow the same others down."""
    slows: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for number, option in enumerate(problem.options):
        for other, level in option.slowed_by.items():
            slows[other][number] = level
    found: defaultdict[Hashable, list[int]] = defaultdict(list)
    for number, option in enumerate(problem.options):
        found[option.kind, _levels_by_number(option.slowed_by), _levels_by_number(slows[number])].append(number)
    return list(found.values())


def _levels_by_number(levels: Mapping[int, int]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted((number, level) for number, level in levels.items() if level))


def model_of(problem: Problem) -> PlacementModel:
    """Return the model that fits the problem: pooled, unless it matters what shares a GPU."""
    return PerGpuModel(problem) if problem.interferes else PooledModel(problem)
