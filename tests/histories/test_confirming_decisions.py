"""What runs that were made again say of a suspicion: never more than they can."""

import random
from collections.abc import Sequence

import pytest

from migperf.histories.confirming import Decision, Evidence
from migperf.histories.judging import Points
from migperf.histories.regression import ConfirmationState
from migperf.histories.watch import Watch
from migperf.statistics.detection.points import Point

RULES = {name: Watch().rule(name) for name in ("latency_p50", "throughput")}


def runs(level_ms: float, count: int, seed: int, noise: float = 0.01) -> list[Points]:
    generator = random.Random(seed)
    times = [level_ms * generator.gauss(1, noise) for _ in range(count)]
    return [{"latency_p50": Point(time), "throughput": Point(1000 / time)} for time in times]


def decide(candidate: Sequence[Points], baseline: Sequence[Points] | None = None, factor: float = 1.2) -> Decision:
    suspected = {"latency_p50": factor, "throughput": 1 / factor}
    before = runs(10.0, 20, seed=1)
    return Evidence(rules=RULES, suspected=suspected, before=before, candidate=candidate, baseline=baseline).decide()


@pytest.mark.parametrize(
    ("level_ms", "state"),
    [
        (12.0, ConfirmationState.CONFIRMED),
        (10.0, ConfirmationState.REFUTED),
        (9.0, ConfirmationState.REFUTED),
    ],
)
def test_runs_are_compared_with_the_level_before_the_change(level_ms: float, state: ConfirmationState) -> None:
    decision = decide(runs(level_ms, 3, seed=2))
    assert decision.state is state
    assert "history" in decision.why
    finding = decision.findings["latency_p50"]
    assert finding.low < finding.ratio < finding.high
    assert finding.ratio == pytest.approx(level_ms / 10, rel=0.03)


def test_a_small_suspicion_in_much_noise_is_undecided() -> None:
    assert decide(runs(10.2, 3, seed=3, noise=0.05), factor=1.02).state is ConfirmationState.UNDECIDED


def test_pairs_cancel_what_is_common_to_them() -> None:
    generator = random.Random(4)
    drift = [generator.uniform(0.7, 1.5) for _ in range(4)]
    good = [runs(10.0 * one, 1, seed=10 + n)[0] for n, one in enumerate(drift)]
    bad = [runs(12.0 * one, 1, seed=20 + n)[0] for n, one in enumerate(drift)]
    decision = decide(bad, good)
    assert decision.state is ConfirmationState.CONFIRMED
    assert decision.findings["latency_p50"].ratio == pytest.approx(1.2, rel=0.03)
    assert "by turns" in decision.why


def test_where_the_last_good_version_is_as_slow_the_software_is_not_blamed() -> None:
    decision = decide(runs(12.0, 4, seed=5), runs(12.0, 4, seed=6))
    assert decision.state is ConfirmationState.UNDECIDED
    assert "the software" in decision.why


def test_where_both_are_as_fast_as_before_it_is_refuted() -> None:
    assert decide(runs(10.0, 4, seed=7), runs(10.0, 4, seed=8)).state is ConfirmationState.REFUTED


def test_one_pair_decides_nothing() -> None:
    assert decide(runs(12.0, 1, seed=9), runs(10.0, 1, seed=9)).state is ConfirmationState.UNDECIDED


@pytest.mark.no_cover
def test_unchanged_benchmarks_are_hardly_ever_confirmed_and_steps_hardly_ever_refuted() -> None:
    """Of 100 each; at a level of 99 % one would be confirmed by chance, and as few refuted."""
    wrongly = [decide(runs(10.0, 3, seed=1000 + n), factor=1.1).state for n in range(100)]
    missed = [decide(runs(11.0, 3, seed=5000 + n), factor=1.1).state for n in range(100)]
    assert wrongly.count(ConfirmationState.CONFIRMED) <= 3
    assert wrongly.count(ConfirmationState.REFUTED) >= 90
    assert missed.count(ConfirmationState.REFUTED) <= 3
    assert missed.count(ConfirmationState.CONFIRMED) >= 90
