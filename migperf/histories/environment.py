"""The environment of a point, and in what it differs from another's: the marks on a history's chart."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue

from migperf.gpus.partition import Partition

VERSION_LABELS = ("commit", "version", "branch", "image")
"""Labels of a run that say which version of something was measured."""
CLOCK = "clock_sm_mhz"
_NEARLY = 0.02
"""Clocks that differ by less are the same: they are readings of a clock that the board moves by itself."""
_OF_ONE_RUN = frozenset({"load_average_1min", "hygiene", "seed"})
_OF_PARTITION = ("driver_version", "memory_mib", "sm_count")


class EnvironmentChange(BaseModel):
    """A fact that is not what it was; None where it is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    before: JsonValue
    after: JsonValue

    @property
    def text(self) -> str:
        """The change in a few words, such as ``driver_version 580.159 → 590.12``."""
        return f"{self.name} {_shown(self.before)} → {_shown(self.after)}"


def facts_of(
    environment: Mapping[str, JsonValue], partition: Partition, node: str, labels: Mapping[str, str]
) -> dict[str, Any]:
    """Return the facts of a run that another run's may be compared with, by name."""
    facts: dict[str, Any] = {name: value for name, value in environment.items() if name not in _OF_ONE_RUN}
    described = partition.model_dump(mode="json")
    facts |= {name: described[name] for name in _OF_PARTITION if described[name] is not None}
    facts |= {"node": node, "device_uuid": partition.gpu_uuid or partition.whole.uuid}
    return facts | {f"label.{name}": labels[name] for name in VERSION_LABELS if name in labels}


def changes_between(before: Mapping[str, JsonValue], after: Mapping[str, JsonValue]) -> tuple[EnvironmentChange, ...]:
    """Return the facts that differ, by name. A fact that only one side has differs."""
    return tuple(
        EnvironmentChange(name=name, before=before.get(name), after=after.get(name))
        for name in sorted({*before, *after})
        if not _alike(name, before.get(name), after.get(name))
    )


def _alike(name: str, before: JsonValue, after: JsonValue) -> bool:
    if name == CLOCK and isinstance(before, int | float) and isinstance(after, int | float):
        return abs(before - after) <= _NEARLY * max(before, after)
    return before == after


def _shown(value: JsonValue) -> str:
    return "unknown" if value is None else str(value)
