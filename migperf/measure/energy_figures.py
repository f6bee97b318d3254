"""Figures of power and energy: the board's, the host's, and an instance's by estimate, each called what it is."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from migperf.measure.figures import ResultFigure
from migperf.measure.observed import Observed
from migperf.metrics.catalogue import ENERGY, PACKAGE_ENERGY, POWER_AVERAGE, POWER_ESTIMATE, POWER_INSTANT
from migperf.metrics.energy import Energy, energy_of
from migperf.metrics.metric import Scope
from migperf.metrics.update_period import update_period_ms

_MODEL = "model: power above idle by active SMs"
"""What migperf.metrics.gpu.estimate does."""
_OTHERS_TOO = "the board's energy is that of all its instances, and there is no meter of one"
_NOTHING_DONE = "no step ended while measuring"


@dataclass(frozen=True, slots=True)
class Work:
    """What was processed within the measured window: how many samples, and what one is called."""

    samples: int
    unit: str


def power_figures(observed: Observed) -> Iterator[ResultFigure]:
    """Yield mean and maximum of the board's power, as its sensor tells them."""
    for seen in observed.best(POWER_INSTANT, POWER_AVERAGE):
        window, name = observed.window, seen.series.metric.name
        period_ms = update_period_ms(seen.series, window.start_ns, window.end_ns)
        for statistic, value in (("mean", seen.summary.mean), ("max", seen.summary.maximum)):
            method = f"readings of {name}"
            yield seen.figure(f"power_{statistic}", value, method=method, update_period_ms=period_ms)


def board_energy_figures(observed: Observed, work: Work, *, whole_board: bool) -> Iterator[ResultFigure]:
    """Yield the board's energy, and what of it a sample took where the run had the board to itself."""
    counters, powers = observed.find(ENERGY), observed.find(POWER_INSTANT, POWER_AVERAGE)
    if not counters and not powers:
        return
    counter = counters[0].series if counters else None
    energy = energy_of(observed.window, counter, [power.series for power in powers])
    scope = (counters or powers)[0].series.metric.scope
    yield _energy_figure("energy", scope, energy)
    yield _per_sample("energy_per_sample", scope, energy if whole_board else Energy(absent=_OTHERS_TOO), work)


def estimate_figures(observed: Observed, work: Work) -> Iterator[ResultFigure]:
    """Yield what a model estimates of an instance's energy, if there is such an estimate."""
    for seen in observed.find(POWER_ESTIMATE):
        energy, scope = energy_of(observed.window, None, [seen.series]), seen.series.metric.scope
        if energy.absent is None:
            energy = replace(energy, method=f"{energy.method}; {_MODEL}")
        yield _energy_figure("energy_estimate", scope, energy)
        yield _per_sample("energy_estimate_per_sample", scope, energy, work)


def host_energy_figures(observed: Observed) -> Iterator[ResultFigure]:
    """Yield the energy of the host's processors, if their counter can be read."""
    for seen in observed.find(PACKAGE_ENERGY):
        if len(seen.series):
            yield _energy_figure("host_energy", seen.series.metric.scope, energy_of(observed.window, seen.series))


def _energy_figure(name: str, scope: Scope, energy: Energy, unit: str = "J") -> ResultFigure:
    return ResultFigure(
        name=name,
        unit=unit,
        scope=scope,
        value=energy.joules,
        samples=energy.samples or None,
        absent=energy.absent,
        method=energy.method,
        update_period_ms=energy.update_period_ms,
    )


def _per_sample(name: str, scope: Scope, energy: Energy, work: Work) -> ResultFigure:
    if energy.joules is not None and not work.samples:
        energy = Energy(absent=_NOTHING_DONE)
    each = None if energy.joules is None else energy.joules / work.samples
    return _energy_figure(name, scope, replace(energy, joules=each), f"J/{work.unit}")
