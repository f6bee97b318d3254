"""The ratio of a figure of two cells over their repeats, paired where both were measured in the same repeats. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from migperf.analysis.experiments.observations import Observation
from migperf.analysis.experiments.values import CellFigure, standard_errors
from migperf.statistics.comparison import ASSUMED_SPREAD, interval_of_ratio
from migperf.statistics.samples import Interval, Samples
from migperf.statistics.spreads import Basis, spread_of_pairs, spread_of_runs

_LEAST_PAIRS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A figure of one cell over that of a reference: the ratio of their geometric means over the repeats used.

    ``basis`` says where the spread between repeats comes from, on which the interval rests.
    """

    value: float
    interval: Interval
    basis: Basis
    repeats: int
    reference_repeats: int
    tainted: bool

    @property
    def method(self) -> str:
        """How it was come by, for people."""
        if self.basis is Basis.PAIRS:
            return f"{self.repeats} pairs of repeats"
        if self.basis is Basis.ASSUMED:
            return f"one repeat of each; {100 * ASSUMED_SPREAD:g} % between repeats assumed"
        return f"{self.repeats} and {self.reference_repeats} repeats, {self.basis}"


def ratio_of(figure: CellFigure, reference: CellFigure, scale: float = 1.0) -> Ratio | str:
    """Return ``scale`` times the ratio of two figures, or why there is none.

    Repeats of an experiment are blocks: what drifts slowly touches all cells of a block, and cancels in pairs.
    """
    if (figure.unit, figure.scope) != (reference.unit, reference.scope):
        return f"{figure.unit} of {figure.scope} is not {reference.unit} of {reference.scope}"
    top, bottom = _there(figure), _there(reference)
    if not top or not bottom:
        lacking = figure if not top else reference
        return lacking.absent or "no value"
    common = {one.repeat for one in top} & {one.repeat for one in bottom}
    paired = len(common) >= _LEAST_PAIRS
    if paired:
        top, bottom = ([one for one in side if one.repeat in common] for side in (top, bottom))
    if any(_value(one) <= 0 for one in (*top, *bottom)):
        return "a ratio needs values above 0"
    return _ratio(top, bottom, math.log(scale), paired=paired)


def _ratio(top: Sequence[Observation], bottom: Sequence[Observation], log_scale: float, *, paired: bool) -> Ratio:
    logs, reference = _logs(top), _logs(bottom)
    inner = _inner_variance((*top, *bottom))
    spread = (
        spread_of_pairs(reference, logs, inner) if paired else spread_of_runs(reference, logs, inner, ASSUMED_SPREAD)
    )
    difference = float(logs.mean() - reference.mean()) + log_scale
    return Ratio(
        value=math.exp(difference),
        interval=interval_of_ratio(difference, spread),
        basis=spread.basis,
        repeats=len(top),
        reference_repeats=len(bottom),
        tainted=any(one.tainted for one in (*top, *bottom)),
    )


def _there(figure: CellFigure) -> list[Observation]:
    return [] if figure.value is None else [one for one in figure.observations if one.value is not None]


def _value(observation: Observation) -> float:
    return math.nan if observation.value is None else observation.value


def _logs(observations: Sequence[Observation]) -> Samples:
    logs: Samples = np.log([_value(one) for one in observations])
    return logs


def _inner_variance(observations: Sequence[Observation]) -> float:
    """Return the mean squared relative error within the repeats that know their own; 0 if none does."""
    errors = [error / _value(one) for one in observations for error in standard_errors([one])]
    return math.fsum(error**2 for error in errors) / len(errors) if errors else 0.0
