"""What besides chance two sides of a comparison differ in: their work, how it was measured, where, and with what."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from migperf.analysis.terms import Aspect
from migperf.gpus.partition import Partition

_NOT_SETTINGS = frozenset({"load_average_1min", "hygiene", "seed"})
"""Of an environment: seen of this run alone, or told by the benchmark."""
_OF_PARTITION = ("kind", "model", "profile", "architecture", "memory_mib", "sm_count", "cpus", "driver_version")
_PLACE = ("gpu_uuid", "uuid")


class Described(Protocol):
    """A run by what it did, how, with what and where."""

    @property
    def benchmark(self) -> Mapping[str, Any]:
        """As it is stored, every default written out."""
        ...

    @property
    def environment(self) -> Mapping[str, Any]:
        """Facts about host, device and software."""
        ...

    @property
    def partition(self) -> Partition | None:
        """None where it was never placed."""
        ...

    @property
    def node(self) -> str | None:
        """None where it was never placed."""
        ...

    @property
    def samples_per_step(self) -> int | None:
        """None where its result does not tell."""
        ...

    @property
    def sample_unit(self) -> str | None:
        """None where its result does not tell."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """One thing that is not the same in all runs, with its value in each of them; None where not recorded."""

    aspect: Aspect
    name: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not the same in all runs: the values on each side, each once, None where not recorded."""

    aspect: Aspect
    name: str
    baseline: tuple[Any, ...]
    candidate: tuple[Any, ...]


def contrasts(runs: Sequence[Described]) -> tuple[Contrast, ...]:
    """Return all in which the runs differ, most weighty aspect first."""
    return tuple(contrast for aspect in Aspect for contrast in _of_aspect(aspect, runs))


def differences(baseline: Sequence[Described], candidate: Sequence[Described]) -> tuple[Difference, ...]:
    """Return all in which the runs of two sides differ, within a side as well, most weighty aspect first."""
    first = len(baseline)
    return tuple(
        Difference(
            aspect=found.aspect,
            name=found.name,
            baseline=_distinct(found.values[:first]),
            candidate=_distinct(found.values[first:]),
        )
        for found in contrasts((*baseline, *candidate))
    )


def _of_aspect(aspect: Aspect, runs: Sequence[Described]) -> Iterator[Contrast]:
    facts = [_FACTS[aspect](run) for run in runs]
    for name in {name: None for each in facts for name in each}:
        values = tuple(each.get(name) for each in facts)
        if len(_distinct(values)) > 1:
            yield Contrast(aspect=aspect, name=name, values=values)


def _distinct(values: Sequence[Any]) -> tuple[Any, ...]:
    """Each value once, in the order in which they come; JSON tells 1 from true, which Python does not."""
    return tuple({json.dumps(value, sort_keys=True): value for value in values}.values())


def _work(run: Described) -> Mapping[str, Any]:
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


def _method(run: Described) -> Mapping[str, Any]:
    return {**_flat("method", run.benchmark["method"]), "seed": run.benchmark.get("seed")}


def _environment(run: Described) -> Mapping[str, Any]:
    return {name: value for name, value in sorted(run.environment.items()) if name not in _NOT_SETTINGS}


def _partition(run: Described) -> Mapping[str, Any]:
    if run.partition is None:
        return {}
    described = run.partition.model_dump(mode="json")
    kept = {name: described[name] for name in _OF_PARTITION}
    return {**kept, "node": run.node, **{name: described[name] for name in _PLACE}}


def _flat(prefix: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{prefix}.{name}": value for name, value in facts.items()}


_FACTS: Mapping[Aspect, Callable[[Described], Mapping[str, Any]]] = {
    Aspect.WORK: _work,
    Aspect.METHOD: _method,
    Aspect.ENVIRONMENT: _environment,
    Aspect.PARTITION: _partition,
}
