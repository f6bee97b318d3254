"""Pressure on the host's processors, memory and storage: how much of the time something had to wait for them (PSI)."""

from pathlib import Path

import numpy as np

from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.catalogue import HOST_PRESSURE_CPU, HOST_PRESSURE_IO, HOST_PRESSURE_MEMORY
from migperf.metrics.metric import NS_PER_S, Metric, Scope
from migperf.metrics.rate import NO_VALUE, Rate
from migperf.metrics.source import Row

PERIOD_NS = NS_PER_S
PRESSURE = Path("/proc/pressure")
_RESOURCES = {"cpu": HOST_PRESSURE_CPU, "memory": HOST_PRESSURE_MEMORY, "io": HOST_PRESSURE_IO}
_US_PER_S = 1_000_000


class PressureSource:
    """The share of the time (0 to 1) in which at least one task of the host waited, for each resource.

    The growth of ``some … total`` in /proc/pressure, µs (Linux, Documentation/accounting/psi.rst). Of the machine as
    its kernel sees it, every container included.
    """

    def __init__(self, folder: Path = PRESSURE) -> None:
        self._files = tuple(folder / resource for resource in _RESOURCES)
        self._rates = tuple(Rate() for _ in _RESOURCES)
        self._absences: list[Absence | None] = [None] * len(_RESOURCES)
        self._row = np.empty(len(_RESOURCES))
        self._metrics = tuple(Metric.of(q, Scope.HOST, "procfs", period_ns=PERIOD_NS) for q in _RESOURCES.values())

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """See Source."""
        return self._metrics

    @property
    def period_ns(self) -> int:
        """See Source."""
        return PERIOD_NS

    def read(self, now_ns: int) -> Row:
        """See Source."""
        for index in range(len(self._files)):
            self._row[index] = self._read_one(index, now_ns)
        return self._row

    def why_not(self, index: int) -> Absence | None:
        """See Source."""
        return self._absences[index]

    def close(self) -> None:
        """See Source."""

    def _read_one(self, index: int, now_ns: int) -> float:
        try:
            waited_us = waited_total_us(self._files[index].read_bytes())
        except (OSError, ValueError) as error:
            self._absences[index] = _absence(self._files[index], error)
            return NO_VALUE
        self._absences[index] = None
        return self._rates[index].since_last(now_ns, waited_us / _US_PER_S)


def waited_total_us(text: bytes) -> int:
    """Return ``total`` of the line ``some`` of a pressure file, µs since the host began. Raises ValueError."""
    for line in text.splitlines():
        kind, *fields = line.split()
        if kind == b"some":
            return int(dict(field.split(b"=", 1) for field in fields).get(b"total", b""))
    raise ValueError("there is no line 'some'")


def _absence(file: Path, error: OSError | ValueError) -> Absence:
    if isinstance(error, PermissionError):
        return Absence(AbsenceState.NO_PERMISSION, f"{file} may not be read")
    reason = f"the kernel does not tell of waiting ({file}: {getattr(error, 'strerror', None) or error})"
    return Absence(AbsenceState.NOT_SUPPORTED, reason)
