"""The study's outcomes as figures and as a table of error distributions."""

from collections.abc import Iterable, Sequence
from statistics import median

from pydantic import JsonValue

from workloads.base import Figure, Report
from workloads.vit_conv_stem.stability.edf import ErrorDistribution, error_distribution
from workloads.vit_conv_stem.stability.trials import Arm, Outcome

NEAR_POINTS = 4
"""The distance from the best, in points of error, at which the paper quotes its curves."""


def report_on(outcomes: Sequence[Outcome]) -> Report:
    """Return what finished trials say; arms without a finished trial are left out."""
    by_arm = _by_arm(outcomes)
    figures = [figure for arm, own in by_arm.items() for figure in _figures(arm, own)]
    table: JsonValue = {str(arm): _curve(own) for arm, own in by_arm.items()}
    return Report(figures=tuple(figures), tables={"edf": table})


def distributions(outcomes: Sequence[Outcome]) -> dict[str, ErrorDistribution]:
    """Return the error distribution of every arm with a finished trial, by names such as ``c_sgd``."""
    return {str(arm): _distribution(own) for arm, own in _by_arm(outcomes).items()}


def _by_arm(outcomes: Sequence[Outcome]) -> dict[Arm, list[Outcome]]:
    arms = sorted({outcome.trial.arm for outcome in outcomes}, key=str)
    return {arm: [outcome for outcome in outcomes if outcome.trial.arm == arm] for arm in arms}


def _distribution(outcomes: Sequence[Outcome]) -> ErrorDistribution:
    return error_distribution([outcome.error_pct for outcome in outcomes])


def _figures(arm: Arm, outcomes: Sequence[Outcome]) -> Iterable[Figure]:
    errors = _converged(outcomes)
    diverged = len(outcomes) - len(errors)
    near = _distribution(outcomes).at(NEAR_POINTS)
    yield _error_figure(f"{arm}_best_error", min(errors, default=None))
    yield _error_figure(f"{arm}_median_error_of_converged", median(errors) if errors else None)
    yield Figure(name=f"{arm}_diverged", value=100 * diverged / len(outcomes), unit="%")
    yield Figure(name=f"{arm}_edf_at_{NEAR_POINTS}_points", value=100 * near, unit="%")
    yield Figure(name=f"{arm}_trials", value=len(outcomes), unit="trial")


def _error_figure(name: str, error_pct: float | None) -> Figure:
    if error_pct is None:
        return Figure(name=name, value=None, unit="%", absent="every trial diverged")
    return Figure(name=name, value=error_pct, unit="%")


def _curve(outcomes: Sequence[Outcome]) -> JsonValue:
    distribution = _distribution(outcomes)
    return {
        "delta_error_points": list(distribution.deltas),
        "fraction": list(distribution.fractions),
        "trials": [_row(outcome) for outcome in outcomes],
    }


def _row(outcome: Outcome) -> JsonValue:
    return {
        "learning_rate": outcome.trial.setting.learning_rate,
        "weight_decay": outcome.trial.setting.weight_decay,
        "error_pct": outcome.error_pct,
        "diverged": outcome.error_pct is None,
    }


def _converged(outcomes: Sequence[Outcome]) -> list[float]:
    return [outcome.error_pct for outcome in outcomes if outcome.error_pct is not None]
