"""What stored runs that were measured together on instances of one GPU say of what neighbours cost.

A client of a group is compared with runs of the same benchmark alone on the same profile of the same board: with those
of the same repeat of the same experiment where there are some, as order, machine and day are the same then; with all
others only where there are none. The slowdown is the median over repeats; an even number has no middle, and the worse
of the two counts. Of several ways to drive the two jobs the worst counts.

A closed loop and a training run tell by their throughput how many times as long everything takes, and by the statistic
that the job limits what becomes of its tail: the worse of the two counts. A server at a fixed rate has the same
throughput whether it is slowed down or not. Its latency grows at least as much as the time of a request, since it waits
longer as well, so it says too much, never too little: it counts where no closed loop does.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median_high, median_low
from typing import NamedTuple

from sqlalchemy.orm import Session

from migperf.analysis.advisor.demand import Demand, Job
from migperf.analysis.advisor.interference import Instances, Slowdown
from migperf.analysis.advisor.speaking import LOST, latency_figure, lost_requests, scenario_of, speaks_for
from migperf.analysis.advisor.table import limit_of
from migperf.analysis.advisor.wording import number
from migperf.measure.benchmark import Scenario, Statistic
from migperf.store.figures_of_runs import EndedGroup, EndedRun, groups_on_one_gpu

_THROUGHPUT = "throughput"
_FIGURES = (
    _THROUGHPUT,
    *LOST,
    *(
        latency_figure(scenario, statistic)
        for scenario in (Scenario.OFFLINE, Scenario.SERVER)
        for statistic in Statistic
    ),
)
_STEPS_OF_1 = 100
"""Slowdowns count in whole per cents, rounded up: nothing is known more closely, and few levels are found sooner."""


@dataclass(frozen=True, slots=True)
class ReadSlowdowns:
    """Slowdowns, and the runs that were left out as they are tainted."""

    slowdowns: tuple[Slowdown, ...]
    tainted: frozenset[str]


class _Pair(NamedTuple):
    of: str
    beside: str
    on: Instances


class _Observed(NamedTuple):
    """A client, one of the neighbours that it was measured beside, which are alike, and how many those were."""

    client: EndedRun
    neighbour: EndedRun
    neighbours: int
    experiment_name: str

    @property
    def alike(self) -> tuple[str, str, int]:
        """What is the same for all repeats of a pair that were driven alike."""
        return self.client.fingerprint, self.neighbour.fingerprint, self.neighbours


_Repeat = tuple[str | None, int | None]
"""An experiment's id and the number of a repeat of it."""
_NO_REPEAT: _Repeat = (None, None)
_Timed = Mapping[_Repeat, Mapping[str, float]]
"""By repeat and by the id of a run, how long something took."""


class _Comparison(NamedTuple):
    """Time beside neighbours over time alone, by one figure, and the runs that say so."""

    ratio: float
    rests_on: str
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Ratio:
    """Time beside neighbours over time alone; ``closed`` where no request waited for another."""

    value: float
    closed: bool
    says: str
    runs: tuple[str, ...]


def read_slowdowns(session: Session, demand: Demand, alone: Mapping[str, Sequence[EndedRun]]) -> ReadSlowdowns:
    """Return what was measured of the demand's jobs beside each other; ``alone`` has the runs of each by itself."""
    jobs = [job for job in demand.jobs if job.benchmark is not None]
    workloads = {job.benchmark.workload for job in jobs if job.benchmark is not None}
    groups = groups_on_one_gpu(session, workloads, _FIGURES)
    observed: defaultdict[_Pair, list[_Observed]] = defaultdict(list)
    tainted: set[str] = set()
    for group in groups:
        for pair, one in _observations(group, jobs):
            if one.client.tainted and not demand.tainted:
                tainted.add(one.client.id)
            else:
                observed[pair].append(one)
    by_name = {job.name: job for job in jobs}
    found = (_slowdown(pair, by_name[pair.of], seen, alone[pair.of]) for pair, seen in observed.items())
    return ReadSlowdowns(tuple(one for one in found if one is not None), frozenset(tainted))


def _observations(group: EndedGroup, jobs: Sequence[Job]) -> Iterator[tuple[_Pair, _Observed]]:
    """Yield what a group says of each pair of jobs; nothing where a client's neighbours are of several kinds."""
    for client in group.clients:
        others = [run for run in (*group.clients, *group.neighbours) if run is not client]
        if len({(run.fingerprint, run.partition.profile) for run in others}) != 1:
            continue  # what each of them costs cannot be told
        neighbour = others[0]
        on = Instances(client.partition.model, client.partition.profile or "", neighbour.partition.profile or "")
        one = _Observed(client, neighbour, len(others), group.experiment_name)
        for of in (job for job in jobs if speaks_for(client, job)):
            for beside in (job for job in jobs if speaks_for(neighbour, job)):
                yield _Pair(of.name, beside.name, on), one


def _slowdown(pair: _Pair, job: Job, seen: Iterable[_Observed], alone: Iterable[EndedRun]) -> Slowdown | None:
    """Return the largest slowdown over the ways to drive a pair; None where nothing can be compared."""
    by_drive: defaultdict[tuple[str, str, int], list[_Observed]] = defaultdict(list)
    for one in seen:
        by_drive[one.alike].append(one)
    here = [run for run in alone if run.fits and _is_on(run, pair.on)]
    ratios = [
        ratio
        for (fingerprint, *_), observed in by_drive.items()
        if (ratio := _ratio(job, observed, [run for run in here if run.fingerprint == fingerprint])) is not None
    ]
    telling = [ratio for ratio in ratios if ratio.closed] or ratios
    if not telling:
        return None
    worst = max(telling, key=lambda ratio: ratio.value)
    factor = counted(worst.value)
    return Slowdown(
        of=pair.of, beside=pair.beside, factor=factor, says=_saying(worst, factor), on=pair.on, runs=worst.runs
    )


def _is_on(run: EndedRun, on: Instances) -> bool:
    return (run.partition.model, run.partition.profile) == (on.board, on.profile)


def counted(ratio: float) -> float:
    """Return what counts of a ratio: whole per cents, rounded up. Below 1 it is noise: no neighbour speeds up."""
    return max(1.0, math.ceil(round(_STEPS_OF_1 * ratio, 6)) / _STEPS_OF_1)


def _saying(ratio: _Ratio, factor: float) -> str:
    noise = ", which is noise and counts as 1" if ratio.value < 1 else f", counted as {factor:g}"
    return f"{number(ratio.value)} times as long as alone{noise if ratio.value != factor else ''} ({ratio.says})"


def _ratio(job: Job, observed: Sequence[_Observed], alone: Sequence[EndedRun]) -> _Ratio | None:
    """Return the worst ratio of the figures that tell how long a job takes; None where nothing can be compared."""
    scenario, neighbour = scenario_of(observed[0].client), scenario_of(observed[0].neighbour)
    clients = [one.client for one in observed]
    found = [
        ratio
        for name in _telling(job, scenario)
        if (ratio := _compared(name, _by_repeat(name, clients), alone)) is not None
    ]
    if not found:
        return None
    worst = max(found, key=lambda one: one.ratio)
    many = "" if observed[0].neighbours == 1 else f"{observed[0].neighbours} of "
    experiments = ", ".join(sorted({one.experiment_name for one in observed}))
    says = f"{worst.rests_on}; {scenario} beside {many}{neighbour}; {experiments}"
    return _Ratio(worst.ratio, scenario is not Scenario.SERVER, says, worst.runs)


def _telling(job: Job, scenario: Scenario) -> tuple[str, ...]:
    """Return the figures that tell how long a job takes."""
    limit = limit_of(job)
    if scenario is Scenario.SERVER:
        return (latency_figure(scenario, Statistic.P50 if limit is None else limit.statistic),)
    return (_THROUGHPUT,) if limit is None else (_THROUGHPUT, latency_figure(scenario, limit.statistic))


def _compared(name: str, beside: _Timed, alone_runs: Sequence[EndedRun]) -> _Comparison | None:
    """Compare the times of one figure, repeat by repeat where both were measured in the same ones."""
    alone = _by_repeat(name, alone_runs)
    if not beside or not alone:
        return None
    paired = sorted(beside.keys() & alone.keys() - {_NO_REPEAT})
    if paired:
        beside, alone = ({repeat: timed[repeat] for repeat in paired} for timed in (beside, alone))
        ratio = median_high(_longest(beside[repeat]) / _shortest(alone[repeat]) for repeat in paired)
        rests_on = "1 pair of runs" if len(paired) == 1 else f"median of {len(paired)} pairs of repeats"
    else:
        ratio = median_high(map(_longest, beside.values())) / median_low(_all(alone))
        rests_on = f"{len(_all(beside))} beside it, {len(_all(alone))} alone at another time"
    runs = tuple(run_id for timed in (beside, alone) for times in timed.values() for run_id in times)
    return _Comparison(ratio, f"{name}, {rests_on}", runs)


def _by_repeat(name: str, runs: Iterable[EndedRun]) -> _Timed:
    """Return how long things took in each run that tells, by the repeat of its experiment and by its id."""
    found: defaultdict[_Repeat, dict[str, float]] = defaultdict(dict)
    for run in runs:
        if (time := _time(name, run)) is not None:
            found[run.experiment, run.repeat][run.id] = time
    return found


def _time(name: str, run: EndedRun) -> float | None:
    """Return something that is in proportion to the time that a run's work took; None where it does not tell."""
    figure = run.figures.get(name)
    if figure is None or figure.value <= 0 or (name.endswith(f"_{Statistic.MEAN}") and lost_requests(run)):
        return None
    return 1 / figure.value if name == _THROUGHPUT else figure.value


def _longest(times: Mapping[str, float]) -> float:
    return max(times.values())


def _shortest(times: Mapping[str, float]) -> float:
    return min(times.values())


def _all(timed: _Timed) -> list[float]:
    return [time for times in timed.values() for time in times.values()]
