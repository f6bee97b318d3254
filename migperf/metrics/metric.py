"""A metric: a quantity that can be read over time, with its unit, its scope and where it is read."""

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a number is about. A board's power is never an instance's power."""

    PROCESS = "process"
    PROCESS_TREE = "process_tree"
    INSTANCE = "instance"
    GPU = "gpu"
    HOST = "host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A quantity that a source offers: its name, unit and scope, and where the numbers come from."""

    name: str
    unit: str
    scope: Scope
    source: str
