"""Reads sources at a fixed rate, in a thread of the supervisor's process, and fills their series."""

import logging
import math
import threading
import time
from collections.abc import Iterable

from migperf.metrics.metric import Metric, Scope
from migperf.metrics.series import Chunk, Series
from migperf.metrics.source import Source, SourceError
from migperf.preemption import give_way

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
LATENESS = Metric(name="sampler_lateness", unit="ms", scope=Scope.HOST, source="sampler")
COST = Metric(name="sampler_cost", unit="ms", scope=Scope.HOST, source="sampler")

_log = logging.getLogger(__name__)


class Sampler:
    """Samples until stopped. Deadlines are absolute: a late sample does not push the later ones back.

    A deadline that is missed altogether is left out, never made up. Its own lateness and cost (time spent reading)
    are series as well.
    """

    def __init__(self, sources: Iterable[Source], hz: float) -> None:
        self._sources = list(sources)
        self._period_ns = round(NS_PER_S / hz)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._series = {m.name: Series(m) for s in self._sources for m in s.metrics}
        self._series |= {m.name: Series(m) for m in (LATENESS, COST)}
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def start(self) -> None:
        """Begin sampling; the first sample is taken at once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop sampling, wait for the sample under way, and close the sources."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        while self._sources:
            self._sources.pop().close()

    def take(self) -> list[tuple[Metric, Chunk]]:
        """Return the samples that were added since the last call, metric by metric."""
        with self._lock:
            return [(series.metric, chunk) for series in self._series.values() if len(chunk := series.take())]

    def series(self) -> list[Series]:
        """Return every series; for when sampling has stopped."""
        return list(self._series.values())

    def _run(self) -> None:
        give_way()
        due_ns = time.monotonic_ns()
        while not self._stop.is_set():
            self._sample(due_ns)
            now_ns = time.monotonic_ns()
            due_ns += self._period_ns * max(1, -(-(now_ns - due_ns) // self._period_ns))
            self._stop.wait(max(0, due_ns - now_ns) / NS_PER_S)

    def _sample(self, due_ns: int) -> None:
        begun_ns = time.monotonic_ns()
        for source in list(self._sources):
            self._read(source)
        ended_ns = time.monotonic_ns()
        self._append(LATENESS.name, begun_ns, (begun_ns - due_ns) / NS_PER_MS)
        self._append(COST.name, begun_ns, (ended_ns - begun_ns) / NS_PER_MS)

    def _read(self, source: Source) -> None:
        now_ns = time.monotonic_ns()
        try:
            values = source.read(now_ns)
        except SourceError as error:
            self._retire(source, str(error))
        except Exception as error:  # noqa: BLE001 - a broken source must not end the run that it watches
            _log.warning("%s failed and is not read any more", type(source).__name__, exc_info=True)
            self._retire(source, f"{type(error).__name__}: {error}")
        else:
            for name, value in values.items():
                if math.isfinite(value):  # some counters answer NaN for "no value": a gap, like any other
                    self._append(name, now_ns, value)

    def _retire(self, source: Source, reason: str) -> None:
        self._sources.remove(source)
        source.close()
        with self._lock:
            for metric in source.metrics:
                self._series[metric.name].absent = reason

    def _append(self, name: str, time_ns: int, value: float) -> None:
        with self._lock:
            self._series[name].append(time_ns, value)
