"""On what, and with what, the runs of an experiment were made; where runs differ, it says so. Pure."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migperf.analysis.experiments.results import RunRow

_OF_PARTITION = ("model", "kind", "profile", "architecture", "driver_version", "memory_mib", "sm_count", "simulated")
_MOST_SHOWN = 6
"""Values of one fact; of those that are rarer only the number is told."""
_OF_ONE_RUN = frozenset({"load_average_1min", "seed", "hygiene", "device"})
"""Facts that tell of one run alone, or that the benchmark tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact of the environment: its values as text, each with the number of runs that it holds for."""

    name: str
    values: tuple[tuple[str, int], ...]

    @property
    def differs(self) -> bool:
        """Whether runs differ in it."""
        return len(self.values) > 1

    @property
    def words(self) -> str:
        """The value; where runs differ, each value with its number of runs."""
        if not self.differs:
            return self.values[0][0]
        shown = "; ".join(f"{value} ({_runs(count)})" for value, count in self.values[:_MOST_SHOWN])
        more = self.values[_MOST_SHOWN:]
        return f"{shown}; {len(more)} more values ({_runs(sum(count for _, count in more))})" if more else shown


def environment(runs: Sequence[RunRow]) -> tuple[Fact, ...]:
    """Return what is known of the runs that were put somewhere: hardware first, then software and settings.

    A fact that a run does not tell counts as "not told" for it, so that nothing looks the same by silence.
    """
    told = [dict(_facts(run)) for run in runs if run.place is not None]
    names = dict.fromkeys(name for facts in told for name in facts)
    return tuple(Fact(name=name, values=_counted([facts.get(name) for facts in told])) for name in names)


def _facts(run: RunRow) -> Iterator[tuple[str, Any]]:
    if run.place is None:
        return
    described = run.place.partition.model_dump(mode="json")
    yield "node", run.place.node
    described["profile"] = described["profile"] or "not cut"
    yield from ((f"partition {name}", described[name]) for name in _OF_PARTITION if described[name] is not None)
    if run.started_at is not None and run.environment:
        yield from _settings(run.environment)


def _settings(environment: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in sorted(environment.items()):
        if name not in _OF_ONE_RUN and value is not None:
            yield name, value


def _counted(values: Sequence[Any]) -> tuple[tuple[str, int], ...]:
    texts = ["not told" if value is None else _text(value) for value in values]
    return tuple(Counter(texts).most_common())


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)


def _runs(count: int) -> str:
    return f"{count} run" if count == 1 else f"{count} runs"
