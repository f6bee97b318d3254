"""What besides chance two sides of a comparison differ in: their work, how it was measured, where, and with what."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migperf.analysis.measured import MeasuredRun
from migperf.analysis.terms import Aspect

_NOT_SETTINGS = frozenset({"load_average_1min", "hygiene", "seed"})
"""Of an environment: seen of this run alone, or told by the benchmark."""
_OF_PARTITION = ("kind", "model", "profile", "architecture", "memory_mib", "sm_count", "cpus", "driver_version")
_PLACE = ("gpu_uuid", "uuid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not the same in all runs: the values on each side, each once, None where not recorded."""

    aspect: Aspect
    name: str
    baseline: tuple[Any, ...]
    candidate: tuple[Any, ...]


def differences(baseline: Sequence[MeasuredRun], candidate: Sequence[MeasuredRun]) -> tuple[Difference, ...]:
    """Return all in which the runs differ, within a side as well, most weighty aspect first."""
    return tuple(difference for aspect in Aspect for difference in _of_aspect(aspect, baseline, candidate))


def _of_aspect(
    aspect: Aspect, baseline: Sequence[MeasuredRun], candidate: Sequence[MeasuredRun]
) -> Iterator[Difference]:
    read = _FACTS[aspect]
    facts = [[read(run) for run in side] for side in (baseline, candidate)]
    names = {name: None for side in facts for run in side for name in run}
    for name in names:
        first, second = (_distinct([run.get(name) for run in side]) for side in facts)
        if len(_distinct((*first, *second))) > 1:
            yield Difference(aspect=aspect, name=name, baseline=first, candidate=second)


def _distinct(values: Sequence[Any]) -> tuple[Any, ...]:
    """Each value once, in the order in which they come; JSON tells 1 from true, which Python does not."""
    return tuple({json.dumps(value, sort_keys=True): value for value in values}.values())


def _work(run: MeasuredRun) -> Mapping[str, Any]:
    return {
        "workload": run.benchmark["workload"],
        "scenario": run.benchmark["scenario"],
        **_flat("parameters", run.benchmark["parameters"]),
        **_flat("load", run.benchmark.get("load") or {}),
        **_flat("engine", run.benchmark.get("engine") or {}),
        **_flat("search", run.benchmark.get("search") or {}),
        "samples_per_step": run.samples_per_step,
        "sample_unit": run.sample_unit,
    }


def _method(run: MeasuredRun) -> Mapping[str, Any]:
    return {**_flat("method", run.benchmark["method"]), "seed": run.benchmark.get("seed")}


def _environment(run: MeasuredRun) -> Mapping[str, Any]:
    return {name: value for name, value in sorted(run.environment.items()) if name not in _NOT_SETTINGS}


def _partition(run: MeasuredRun) -> Mapping[str, Any]:
    described = run.partition.model_dump(mode="json")
    kept = {name: described[name] for name in _OF_PARTITION}
    return {**kept, "node": run.node, **{name: described[name] for name in _PLACE}}


def _flat(prefix: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{prefix}.{name}": value for name, value in facts.items()}


_FACTS: Mapping[Aspect, Callable[[MeasuredRun], Mapping[str, Any]]] = {
    Aspect.WORK: _work,
    Aspect.METHOD: _method,
    Aspect.ENVIRONMENT: _environment,
    Aspect.PARTITION: _partition,
}
