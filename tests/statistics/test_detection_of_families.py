"""Several metrics of the same runs: which of them moved, and whether together."""

import numpy as np
import pytest

from migperf.statistics.detection.histories import Histories
from migperf.statistics.detection.history import History
from migperf.statistics.detection.metric_rule import Better, MetricRule
from migperf.statistics.detection.points import Point
from migperf.statistics.detection.verdict import HistoryVerdict

LOWER = MetricRule(better=Better.LOWER, minimum_effect=0.005)
HIGHER = MetricRule(better=Better.HIGHER, minimum_effect=0.005)
RULES = {"energy": LOWER, "latency_p50": LOWER, "latency_p99": LOWER, "throughput": HIGHER}
RUNS, CHANGED = 90, 60


def family(seed: int = 1, noise: float = 0.01, **sizes: float) -> list[dict[str, Point]]:
    """Runs of which each metric changes by its size from run 60 on."""
    generator = np.random.default_rng(seed)
    levels = {name: np.where(np.arange(RUNS) < CHANGED, 1.0, 1 + sizes.get(name, 0.0)) for name in RULES}
    values = {name: level * (1 + noise * generator.standard_normal(RUNS)) for name, level in levels.items()}
    return [{name: Point(float(values[name][run])) for name in RULES} for run in range(RUNS)]


def judged(runs: list[dict[str, Point]]) -> Histories:
    histories = Histories.of(RULES)
    for run in runs:
        histories = histories.append(run)
    return histories


def test_metrics_that_change_together_are_one_change_that_names_them() -> None:
    said = judged(family(latency_p50=0.05, throughput=-0.05, energy=-0.1)).judgement()
    (change,) = said.changes
    assert said.verdict is HistoryVerdict.REGRESSED
    assert abs(change.first - CHANGED) <= 1
    assert set(change.regressed) == {"latency_p50", "throughput"}
    assert change.improved == ("energy",)
    assert said.by_metric["latency_p99"].changes == ()


def test_a_metric_that_followed_is_named_with_less_evidence_than_an_alarm_takes() -> None:
    """Where another metric says where to look, a fourth of the effect is enough."""
    said = judged(family(latency_p50=0.05, latency_p99=0.0095)).judgement()
    (change,) = said.changes
    assert said.by_metric["latency_p99"].changes == ()
    assert tuple(change.followers) == ("latency_p99",)
    assert set(change.regressed) == {"latency_p50", "latency_p99"}


@pytest.mark.no_cover
def test_what_did_not_move_is_hardly_ever_said_to_have_followed() -> None:
    said = [judged(family(seed=seed, noise=0.03, latency_p50=0.15)).judgement() for seed in range(8)]
    assert sum(bool(change.followers) for each in said for change in each.changes) == 0


def test_each_metric_takes_more_evidence_than_it_would_alone() -> None:
    """Four metrics have four chances of a false alarm."""
    runs = family(energy=0.02, seed=2)[:75]
    assert History(rule=LOWER).extend(run["energy"] for run in runs).judgement.changes != ()
    assert judged(runs).judgement().changes == ()


def test_changes_far_apart_are_two_and_the_last_decides() -> None:
    runs = family(latency_p50=-0.1)
    for number in range(30, RUNS):
        runs[number]["energy"] = Point(1.2 * runs[number]["energy"].value)
    said = judged(runs).judgement()
    assert [change.first for change in said.changes] == [30, CHANGED]
    assert said.changes[0].regressed == ("energy",)
    assert said.verdict is HistoryVerdict.IMPROVED


def test_a_run_without_a_metric_leaves_the_others_in_step() -> None:
    """The 99th percentile needs more requests than a run may have had: the change is told in runs all the same."""
    runs = family(latency_p50=0.1, latency_p99=0.1)
    runs = [
        {name: point for name, point in run.items() if name != "latency_p99" or number % 3}
        for number, run in enumerate(runs)
    ]
    histories = judged(runs)
    (change,) = histories.judgement().changes
    assert set(change.regressed) == {"latency_p50", "latency_p99"}
    assert abs(change.first - CHANGED) <= 1
    assert abs(change.changes["latency_p99"].first - CHANGED * 2 / 3) <= 1


def test_nothing_changed_only_if_all_metrics_show_it() -> None:
    assert Histories.of(RULES).judgement().verdict is HistoryVerdict.INSUFFICIENT_DATA
    quiet = family(noise=0.0005)
    assert judged(quiet).judgement().verdict is HistoryVerdict.UNCHANGED
    for run, noisy in zip(quiet, family(noise=0.05), strict=True):
        run["energy"] = noisy["energy"]
    assert judged(quiet).judgement().verdict is HistoryVerdict.UNDECIDED


def test_a_metric_that_is_not_judged_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"no history of power; there are energy, latency_p50"):
        Histories.of(RULES).append({"power": Point(1.0)})
