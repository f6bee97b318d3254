"""What services and training jobs can be asked about: the benchmarks that were measured on real GPUs, and where."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import floor, log10
from typing import Any

from pydantic import ValidationError

from api.demand_form import Row, parameters_text
from migperf.analysis.advisor.boards import BoardStock, same_board
from migperf.analysis.advisor.demand import WHOLE, Job, Service
from migperf.analysis.advisor.speaking import BATCH_SIZE, scenario_of, speaks_for
from migperf.measure.benchmark import Scenario
from migperf.measure.engine import REFERENCE_FIELDS, engine_words
from migperf.store.measured_benchmarks import MeasuredBenchmark
from workloads.registry import catalogue

MOST = 400
"""Benchmarks on profiles that are looked at, from the latest on."""
_INSTANCES = 3
"""What an offered demand wants, in instances of the slowest profile: more than one, and soon served."""


@dataclass(frozen=True, slots=True)
class Place:
    """A profile of a board on which something was measured."""

    model: str
    profile: str
    runs: int
    latest: str
    """Id of the latest run."""
    per_s: float | None
    """Throughput of the latest run, samples a second; None where it has none."""


@dataclass(frozen=True)
class Choice:
    """A workload with its parameters and engine, and the places where runs of it speak for a service or job."""

    found: Sequence[MeasuredBenchmark]

    @property
    def benchmark(self) -> Mapping[str, Any]:
        """The benchmark that was measured last, defaults written out."""
        return self.found[0].benchmark

    @property
    def workload(self) -> str:
        """Name of the workload."""
        return str(self.benchmark["workload"])

    @property
    def trains(self) -> bool:
        """Whether it speaks for training jobs; else it does for services."""
        return scenario_of(self) is Scenario.TRAIN

    @property
    def engine(self) -> str:
        """How it was executed, in words."""
        return engine_words(self.benchmark.get("engine") or {})

    @property
    def parameters(self) -> str:
        """Its parameters as the form takes them, and as few as make it that benchmark."""
        return parameters_text(_said(self.workload, self.benchmark.get("parameters") or {}))

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Where it was measured, each place once."""
        by_place: dict[tuple[str, str], list[MeasuredBenchmark]] = {}
        for one in self.found:
            by_place.setdefault((one.model, one.profile or WHOLE), []).append(one)
        return tuple(
            Place(model, profile, sum(one.runs for one in alike), alike[0].latest, alike[0].per_s)
            for (model, profile), alike in sorted(by_place.items())
        )

    @property
    def row(self) -> Row:
        """The row of the form that asks about it, named like its workload."""
        engine = self.benchmark.get("engine") or {}
        rate = self._rate()
        return {
            "name": self.workload,
            "benchmark.workload": self.workload,
            "benchmark.parameters": self.parameters,
            "throughput_per_s" if self.trains else "rate_per_s": "" if rate is None else f"{rate:g}",
            "benchmark.engine.channels_last": "on" if engine.get("channels_last") else "",
            **{f"benchmark.engine.{name}": str(engine.get(name, "")) for name in ("runtime", "precision")},
            **self._limit(),
        }

    def _rate(self) -> float | None:
        """Return a rate of which some instances are needed, in two digits."""
        least = min((place.per_s for place in self.places if place.per_s), default=None)
        if least is None:
            return None
        wanted = _INSTANCES * least
        return round(wanted, 1 - floor(log10(wanted)))

    def _limit(self) -> Row:
        """Return the latency limit that a search for the highest rate kept."""
        search = next((s for one in self.found if (s := one.benchmark.get("search")) and s["kind"] == "max_rate"), None)
        if search is None or self.trains:
            return {}
        return {"latency.statistic": f"p{search['percentile']}", "latency.limit_ms": f"{search['limit_ms']:g}"}


def choices_of(found: Iterable[MeasuredBenchmark]) -> tuple[Choice, ...]:
    """Return what can be chosen, what was measured last first."""
    groups: dict[str, list[MeasuredBenchmark]] = {}
    for one in found:
        groups.setdefault(_key(one), []).append(one)
    return tuple(Choice(alike) for alike in groups.values())


def known_of(job: Job, choices: Iterable[Choice], boards: Sequence[BoardStock]) -> str:
    """Say what was measured of a job on the boards in question, or what there is instead. No boards: on any."""
    if job.benchmark is None:
        return "Names no workload: only figures given by hand count."
    offered = [one for one in choices if one.workload == job.benchmark.workload]
    meant = [one for one in offered if speaks_for(one, job)]
    places = [place for one in meant for place in one.places]
    here = [place for place in places if not boards or any(same_board(place.model, b.model) for b in boards)]
    if here:
        runs = sum(place.runs for place in here)
        return f"Measured on {_places_text(here)} ({runs} run{'' if runs == 1 else 's'})."
    if places:
        return f"Not measured on these GPUs, but on {_places_text(places)}."
    others = [one.parameters or "its defaults" for one in offered if one.trains != isinstance(job, Service)]
    if others:
        return f"Never measured so. What was: {'; '.join(dict.fromkeys(others))}."
    return "Never measured on a GPU: the answer offers the experiment."


def _places_text(places: Iterable[Place]) -> str:
    by_model: dict[str, dict[str, None]] = {}
    for place in places:
        by_model.setdefault(place.model, {})[place.profile] = None
    return "; ".join(f"{', '.join(profiles)} of {model}" for model, profiles in by_model.items())


def _key(one: MeasuredBenchmark) -> str:
    engine = dict(REFERENCE_FIELDS) | dict(one.benchmark.get("engine") or {})
    trains = scenario_of(one) is Scenario.TRAIN
    parameters = sorted((one.benchmark.get("parameters") or {}).items())
    return repr((one.benchmark["workload"], trains, parameters, sorted(engine.items())))


def _said(workload: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parameters that differ from the workload's defaults, and the batch size, without which all speak."""
    card = catalogue().get(workload)
    if card is None:
        return parameters
    try:
        said = card.parameters.model_validate(parameters).model_dump(mode="json", exclude_defaults=True)
    except ValidationError:  # of another version
        return parameters
    return {name: value for name, value in parameters.items() if name == BATCH_SIZE or name in said}
