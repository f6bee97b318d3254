"""What a file says that is imported: points of histories, and what of it was left out."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

from pydantic import JsonValue

from migperf.histories.imported_metric import ImportedMetric, ImportedMetrics
from migperf.histories.importing.errors import ImportingError
from migperf.histories.points import PointFigure

MOST_METRICS = 20
"""Of one history: they are judged as one family."""
MOST_POINTS = 100_000
"""Of one file."""
_LONGEST_KEY, _LONGEST_NAME = 128, 128
_YEARS = range(1970, 9999)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that a file says and no history can have, and why."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedPoint:
    """A result. ``key`` tells it from the others of its tool and history, also when it is imported again."""

    at: datetime
    key: str
    figures: Mapping[str, PointFigure]
    environment: Mapping[str, JsonValue] = field(default_factory=dict)
    taints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignBenchmark:
    """What another tool measured, and on what; histories are told apart by all of it."""

    tool: str
    name: str
    parameters: Mapping[str, JsonValue] = field(default_factory=dict)
    hardware: Mapping[str, JsonValue] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The benchmark in a few words."""
        given = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        facts = self.hardware.items()
        shown = ", ".join(value if isinstance(value, str) else f"{name}={value}" for name, value in facts)
        # Tests are named after their parameters already, as test_sort[1000].
        named = f"{self.name} ({given})" if given and not self.name.endswith("]") else self.name
        return f"{named} on {shown}" if shown else named


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedHistory:
    """Results of one benchmark on one kind of hardware.

    ``metrics`` are those of a foreign tool; they are empty, and ``scenario`` and ``benchmark`` are there, where migperf
    measured.
    """

    tool: str
    name: str
    fingerprint: str
    hardware: Mapping[str, JsonValue]
    hardware_key: str
    title: str
    workload: str
    points: tuple[ImportedPoint, ...]
    scenario: str | None = None
    benchmark: Mapping[str, JsonValue] | None = None
    metrics: ImportedMetrics = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()

    @classmethod
    def foreign(
        cls,
        benchmark: ForeignBenchmark,
        metrics: ImportedMetrics,
        points: Iterable[ImportedPoint],
        left_out: Sequence[LeftOut] = (),
    ) -> Self:
        """Return a history of another tool's results."""
        return cls(
            tool=benchmark.tool,
            name=benchmark.name,
            fingerprint=_digest([benchmark.tool, benchmark.name, dict(benchmark.parameters)]),
            hardware=dict(benchmark.hardware),
            hardware_key=_digest(dict(benchmark.hardware)),
            title=benchmark.title,
            workload=benchmark.name[:_LONGEST_NAME],
            metrics=metrics,
            points=tuple(points),
            left_out=tuple(left_out),
        )


def _digest(document: JsonValue) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def point_key(at: datetime, name: str | None) -> str:
    """Return the key of a point that was measured then, of a commit or under another name."""
    time = at.astimezone(UTC).isoformat()
    key = f"{name} {time}" if name else time
    return key if len(key) <= _LONGEST_KEY else f"{_digest(name)} {time}"


def time_in_utc(moment: datetime, place: str) -> datetime:
    """Return a time in UTC; one without a zone is taken for UTC. Raises ImportingError for one that cannot be."""
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    if aware.year not in _YEARS:
        raise ImportingError([(place, f"nothing was measured at {moment.isoformat()}; give the time of the result")])
    return aware.astimezone(UTC)


def metric_of(known: Mapping[str, ImportedMetric], found: Iterable[str]) -> dict[str, ImportedMetric]:
    """Return the metrics among these that were found, in their order."""
    names = set(found)
    return {name: metric for name, metric in known.items() if name in names}
