"""The baseline of a check: which stored runs a reference stands for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from migperf.client.check_models import CheckPlan, Place
from migperf.client.client import Client
from migperf.client.errors import CannotCheckError
from migperf.client.models import BenchmarkReading, RunView
from migperf.client.query import RunQuery
from migperf.gpus.partition import Partition
from migperf.gpus.selector import Selector
from migperf.store.states import RunState

LAST, LABEL = "last", "label:"
MOST_LOOKED_AT = 2000
"""Runs of a label, newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Runs of one benchmark on one class of partitions, newest first; never empty."""

    place: Place
    runs: tuple[RunView, ...]

    @property
    def newest(self) -> RunView:
        """The run whose benchmark is run again."""
        return self.runs[0]


def baselines(client: Client, plan: CheckPlan) -> tuple[Baseline, ...]:
    """Return the baseline of each benchmark, and class of partitions, that the reference names.

    Raises CannotCheckError where it names none, and ApiNotFoundError for an unknown run.
    """
    if plan.reference == LAST:
        raise CannotCheckError("`last` is the last of given benchmarks; give them as files, or another baseline")
    found = tuple(_alike(_runs_of(client, plan, {}), plan))
    if not found:
        raise CannotCheckError(nothing_found(client, plan, {}))
    return found


def baselines_of(client: Client, plan: CheckPlan, reading: BenchmarkReading) -> tuple[Baseline, ...]:
    """Return the baselines of a given benchmark on the partitions that it may run on; empty where there are none.

    Of ``last`` it is one: on the class of partitions where the benchmark was measured last.
    """
    where = Selector.model_validate(reading.benchmark.where)
    runs = _runs_of(client, plan, {"fingerprint": reading.fingerprint})
    suiting = (run for run in runs if run.fingerprint == reading.fingerprint and _was_allowed(run, where))
    found = tuple(_alike(suiting, plan))
    return found[:1] if plan.reference == LAST else found


def nothing_found(client: Client, plan: CheckPlan, wanted: RunQuery) -> str:
    """Return what was looked for in vain, and what could be done about it."""
    if not _is_query(plan.reference):
        return "none of the runs named is of this benchmark, on a partition that it may run on"
    query: RunQuery = {**_query(plan.reference), **wanted}
    tainted = sum(bool(run.tainted) for run in client.runs(**query))
    told = f"no run can be the baseline {plan.reference!r}: it has to have succeeded, outside of an experiment"
    if plan.allow_tainted or not tainted:
        return f"{told}; `migperf runs list` shows what there is, `migperf submit` with that label makes one"
    return f"{told}, and {tainted} that did are tainted; remove the cause and run them again, or allow tainted runs"


def _runs_of(client: Client, plan: CheckPlan, wanted: RunQuery) -> Iterable[RunView]:
    """Yield the runs that a reference names and that can be a baseline, newest first."""
    if _is_query(plan.reference):
        query: RunQuery = {**_query(plan.reference), **wanted}
        found = client.runs(**query)
        return (run for run in found if (plan.allow_tainted or not run.tainted) and run.experiment is None)
    runs = [_named(client, run_id, plan) for run_id in plan.reference.split(",")]
    return sorted(runs, key=lambda run: run.created_at, reverse=True)


def _is_query(reference: str) -> bool:
    return reference == LAST or reference.startswith(LABEL)


def _query(reference: str) -> RunQuery:
    """Return what the runs of a reference other than ids have in common. Raises CannotCheckError."""
    query: RunQuery = {"state": RunState.SUCCEEDED, "limit": MOST_LOOKED_AT}
    if reference.startswith(LABEL):
        key, equals, value = reference.removeprefix(LABEL).partition("=")
        if not (equals and key):
            raise CannotCheckError(f"{reference!r} is not of the form label:KEY=VALUE, such as label:branch=main")
        query["labels"] = {key: value}
    return query


def _named(client: Client, run_id: str, plan: CheckPlan) -> RunView:
    if not run_id:
        raise CannotCheckError(f"{plan.reference!r} names no run; give ids joined by commas, label:KEY=VALUE, or last")
    run = client.run(run_id)
    if run.state is not RunState.SUCCEEDED:
        raise CannotCheckError(f"run {run_id} is {run.state}, so it measured nothing to its end; choose another")
    if run.experiment is not None:
        raise CannotCheckError(
            f"run {run_id} belongs to an experiment, where others may have been beside it; choose a run of its own"
        )
    if run.tainted and not plan.allow_tainted:
        rules = ", ".join(taint.rule for taint in run.taints or ())
        raise CannotCheckError(f"run {run_id} is tainted ({rules}): choose another baseline, or allow tainted runs")
    return run


def _alike(runs: Iterable[RunView], plan: CheckPlan) -> Iterator[Baseline]:
    """Yield a baseline for each benchmark and class of partitions, in the order of their newest runs."""
    groups: dict[tuple[str, Place], list[RunView]] = {}
    for run in runs:
        if run.partition is not None:
            groups.setdefault((run.fingerprint, Place.of(run.partition)), []).append(run)
    for (_, place), group in groups.items():
        yield Baseline(place=place, runs=tuple(islice(group, plan.baseline_runs)))


def _was_allowed(run: RunView, where: Selector) -> bool:
    if run.partition is None:
        return False
    described = Partition.model_validate(run.partition.model_dump(include=set(Partition.model_fields)))
    return where.matches(described, run.partition.node)
