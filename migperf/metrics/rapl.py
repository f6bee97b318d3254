"""Energy of the host's processors and main memory, from the counters that Linux shows under /sys/class/powercap.

Intel's RAPL, which AMD's processors offer under the same name (kernel documentation, power/powercap).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.catalogue import DRAM_ENERGY, PACKAGE_ENERGY
from migperf.metrics.metric import Metric, Scope
from migperf.metrics.rate import NO_VALUE
from migperf.metrics.source import Row

POWERCAP = Path("/sys/class/powercap")
PERIOD_NS = 100_000_000
UJ_PER_J = 1_000_000
_ZONES = "intel-rapl:*"
"""intel-rapl-mmio:* would be the same packages once more."""


def growth_uj(earlier_uj: int, later_uj: int, range_uj: int) -> int:
    """Return the energy between two readings of a counter that begins again at ``range_uj``, µJ.

    Right as long as it wrapped at most once, which takes minutes under full load.
    """
    return later_uj - earlier_uj + (range_uj if later_uj < earlier_uj else 0)


@dataclass(slots=True)
class Zone:
    """One counter: a package, or the memory that belongs to one."""

    counter: Path
    range_uj: int
    last_uj: int | None = None
    used_uj: int = 0
    """Since the first reading."""

    @classmethod
    def at(cls, folder: Path) -> Self:
        """Return the zone that a folder describes."""
        return cls(folder / "energy_uj", int((folder / "max_energy_range_uj").read_text()))

    def read(self) -> None:
        """Read the counter. Raises OSError."""
        now_uj = int(self.counter.read_bytes())
        if self.last_uj is not None:
            self.used_uj += growth_uj(self.last_uj, now_uj, self.range_uj)
        self.last_uj = now_uj


class _Sum:
    """The counters of one kind. A sum that lacks a part would be too small, so it is all of them or none."""

    def __init__(self, zones: list[Zone], missing: Absence) -> None:
        self.absence = None if zones else missing
        self._zones = zones

    def read(self) -> float:
        """Return the energy since the first reading, J; NaN with the reason in ``absence``."""
        if not self._zones:
            return NO_VALUE
        failures = [failure for zone in self._zones if (failure := _read(zone)) is not None]
        self.absence = failures[0] if failures else None
        return NO_VALUE if failures else sum(zone.used_uj for zone in self._zones) / UJ_PER_J


class RaplSource:
    """Energy since the first reading, J: of all processor packages, and of the memory behind them where it is told.

    A package's energy is all that is within the processor, its memory controllers and graphics included. The zones
    ``core`` and ``uncore`` are parts of it, and ``psys`` (the whole platform) contains it: none of them is added.
    """

    def __init__(self, folder: Path = POWERCAP) -> None:
        self._folder = folder
        self._sums: tuple[_Sum, ...] = ()
        self._row = np.empty(2)
        self._metrics = tuple(
            Metric.of(quantity, Scope.HOST, "rapl", period_ns=PERIOD_NS) for quantity in (PACKAGE_ENERGY, DRAM_ENERGY)
        )

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """See Source."""
        return self._metrics

    @property
    def period_ns(self) -> int:
        """See Source."""
        return PERIOD_NS

    def read(self, now_ns: int) -> Row:  # noqa: ARG002
        """See Source. The first reading looks for the counters, which neither come nor go."""
        self._sums = self._sums or _discover(self._folder)
        for index, counters in enumerate(self._sums):
            self._row[index] = counters.read()
        return self._row

    def why_not(self, index: int) -> Absence | None:
        """See Source."""
        return self._sums[index].absence

    def close(self) -> None:
        """See Source."""


def _discover(folder: Path) -> tuple[_Sum, _Sum]:
    """Return the packages and the memories. A zone's depth tells them apart: intel-rapl:0 is 1, intel-rapl:0:0 is 2."""
    zones = [(path, (path / "name").read_text().strip(), path.name.count(":")) for path in sorted(folder.glob(_ZONES))]
    packages = [Zone.at(path) for path, name, depth in zones if depth == 1 and name.startswith("package")]
    memories = [Zone.at(path) for path, name, depth in zones if depth > 1 and name == "dram"]
    nothing = f"{folder} has no intel-rapl zones: the processor has no such counters, or they are hidden here"
    reasons = [f"{folder} has no zone named {name}" if zones else nothing for name in ("package", "dram")]
    absences = [Absence(AbsenceState.NOT_SUPPORTED, reason) for reason in reasons]
    return _Sum(packages, absences[0]), _Sum(memories, absences[1])


def _read(zone: Zone) -> Absence | None:
    """Read a zone, and return what kept it from being read."""
    try:
        zone.read()
    except PermissionError:
        reason = (
            f"{zone.counter} is for root only; let the worker's user read it by a udev rule, or run the worker as root"
        )
        return Absence(AbsenceState.NO_PERMISSION, reason)
    except FileNotFoundError:
        return Absence(AbsenceState.LOST, f"{zone.counter} is gone")
    except OSError as error:
        return Absence(AbsenceState.FAILED, f"{zone.counter}: {error.strerror}")
    return None
