"""The mean over runs: its interval covers the truth as often as it claims, and never forgets the doubt within runs."""

import numpy as np
import pytest

from migperf.statistics.run_means import mean_over_runs


def coverage(runs: int, between: float, within: float, repetitions: int = 2000) -> float:
    generator = np.random.default_rng(runs)
    covered = 0
    for _ in range(repetitions):
        values = 100 + between * generator.standard_normal(runs) + within * generator.standard_normal(runs)
        interval = mean_over_runs(values.tolist(), [within] * runs if within else [])
        assert interval is not None
        covered += interval.contains(100)
    return covered / repetitions


@pytest.mark.no_cover
@pytest.mark.parametrize("runs", [2, 3, 5, 10])
@pytest.mark.parametrize(("between", "within"), [(1.0, 0.0), (1.0, 0.5), (0.0, 0.5)])
def test_the_interval_covers_the_truth_at_least_as_often_as_it_claims(runs: int, between: float, within: float) -> None:
    assert coverage(runs, between, within) > 0.935


def test_runs_that_agree_keep_the_doubt_within_them() -> None:
    agreeing = mean_over_runs([100.0, 100.0, 100.0], [1.0, 1.0, 1.0])
    assert agreeing is not None
    assert agreeing.half_width == pytest.approx(4.3027 / np.sqrt(3), rel=1e-4)


def test_one_run_has_no_interval_over_runs() -> None:
    assert mean_over_runs([100.0], [1.0]) is None
