"""A metric: a quantity that can be read over time, with its unit, its scope and where it is read."""

from dataclasses import dataclass
from enum import StrEnum

NS_PER_S = 1_000_000_000


class Scope(StrEnum):
    """What a number is about. A board's power is never an instance's power."""

    PROCESS = "process"
    PROCESS_TREE = "process_tree"
    INSTANCE = "instance"
    """A MIG GPU instance: what its compute instances share."""
    GPU = "gpu"
    """The whole board."""
    HOST = "host"


class Kind(StrEnum):
    """How a value relates to its time, and so what may be computed from a series."""

    GAUGE = "gauge"
    """What was so at that time, or over the metric's ``lookback_ns`` before it."""
    AVERAGE = "average"
    """The mean since the reading before."""
    COUNTER = "counter"
    """Grows from some beginning; only differences mean anything."""
    FLAG = "flag"
    """1 while something holds, else 0."""
    EVENT = "event"
    """Something happened then; the value says what."""
    DURATION = "duration"
    """How long something took that began then."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a number means, wherever it is read. Two sources of one quantity agree in name, unit and kind."""

    name: str
    unit: str
    kind: Kind
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A quantity that a source offers: its name, unit and scope, and where the numbers come from.

    ``period_ns`` is how often the source has a new value at best, None where every reading is one. ``lookback_ns`` is
    how long before its time a gauge already counts: the sensor's own averaging.
    """

    name: str
    unit: str
    scope: Scope
    source: str
    kind: Kind = Kind.GAUGE
    period_ns: int | None = None
    lookback_ns: int = 0

    @classmethod
    def of(
        cls, quantity: Quantity, scope: Scope, source: str, *, period_ns: int | None = None, lookback_ns: int = 0
    ) -> "Metric":
        """Return the metric of a quantity as one source offers it."""
        return cls(
            name=quantity.name,
            unit=quantity.unit,
            kind=quantity.kind,
            scope=scope,
            source=source,
            period_ns=period_ns,
            lookback_ns=lookback_ns,
        )
