"""Phases end when their rule says so, and the rule names what it decided by."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.measure.benchmark import Method
from migperf.measure.loops.rules import measuring_rule, warmup_rule
from migperf.measure.loops.stopping import NS_PER_S, AtLeast, Ended, Exactly, Portions, StopRule
from migperf.measure.loops.until_decided import UntilDecided

RULES = st.builds(AtLeast, steps=st.integers(0, 50), s=st.floats(0, 5), max_s=st.floats(5, 10))
STEPS, TIMES = st.integers(0, 100), st.integers(0, 12 * NS_PER_S)


@given(RULES, STEPS, TIMES)
def test_both_conditions_must_hold_unless_time_is_out(rule: AtLeast, steps: int, elapsed_ns: int) -> None:
    both = steps >= rule.steps and elapsed_ns >= rule.s * NS_PER_S
    out = elapsed_ns >= rule.max_s * NS_PER_S
    assert rule.ended(steps, elapsed_ns) == (Ended("steps_and_time") if both else Ended("max_s") if out else None)


@given(RULES, STEPS, TIMES)
def test_progress_lies_between_0_and_1_and_is_full_only_at_the_end(rule: AtLeast, steps: int, elapsed_ns: int) -> None:
    fraction = rule.fraction(steps, elapsed_ns)
    assert 0 <= fraction <= 1
    assert (fraction == 1) == (rule.ended(steps, elapsed_ns) is not None)


@given(st.integers(0, 50), STEPS)
def test_a_payload_with_an_end_ends_there(total: int, steps: int) -> None:
    rule = Exactly(steps=total)
    assert rule.ended(steps, 10**18) == (Ended("completed") if steps >= total else None)
    assert 0 <= rule.fraction(steps, 0) <= 1


def fed(rule: StopRule, times_ms: np.ndarray) -> tuple[int, Ended | None]:
    """Step until the rule ends the phase, each step as long as its time; return the steps and the end."""
    elapsed_ns = 0
    for steps, time_ms in enumerate(times_ms):
        if (ended := rule.ended(steps, elapsed_ns)) is not None:
            return steps, ended
        rule.take([time_ms])
        elapsed_ns += round(time_ms * 1e6)
    return len(times_ms), rule.ended(len(times_ms), elapsed_ns)


def noise(level_ms: float, spread: float, count: int, seed: int = 0) -> np.ndarray:
    return level_ms * (1 + spread * np.random.default_rng(seed).standard_normal(count))


def test_warm_up_ends_when_the_series_is_steady_and_not_before() -> None:
    decaying = noise(10, 0.01, 2000) * (1 + np.exp(-np.arange(2000) / 50))
    steps, ended = fed(warmup_rule(Method()), decaying)
    assert (ended.by, ended.reached) == ("steady", True)
    assert 150 < steps < 1000, "the decay is within 2 % of its end after some 200 steps"
    assert "steady within 2.0%" in ended.note


@pytest.mark.parametrize(
    ("series", "why"),
    [(noise(10, 0.01, 900) * (1 + np.arange(900) / 300), "level last changed"), (noise(10, 0.4, 9000), "give or take")],
)
def test_warm_up_that_is_never_steady_ends_with_its_time_and_says_so(series: np.ndarray, why: str) -> None:
    _, ended = fed(warmup_rule(Method(warmup_max_s=3, warmup_s=0)), series)
    assert (ended.by, ended.reached) == ("warmup_max_s", False)
    assert why in ended.note


def test_a_steady_series_warms_up_for_its_least_time_all_the_same() -> None:
    steps, ended = fed(warmup_rule(Method(warmup_s=5)), noise(10, 0.005, 3000))
    assert ended.by == "steady"
    assert steps >= 499


@pytest.mark.parametrize("statistic", ["mean", "p50", "p90"])
def test_measuring_goes_on_until_the_statistic_is_as_precise_as_asked(statistic: str) -> None:
    rough, fine = (
        fed(measuring_rule(Method(min_s=0, max_s=3600, precision=p, precision_of=statistic)), noise(1, 0.2, 90_000))
        for p in (0.04, 0.01)
    )
    assert rough[1].by == fine[1].by == "precision"
    assert 6 < fine[0] / rough[0] < 40, "four times as precise takes about sixteen times as many"


def test_what_cannot_become_precise_in_time_ends_with_its_time_and_has_not_converged() -> None:
    _, ended = fed(measuring_rule(Method(min_s=0, max_s=2, precision=0.001)), noise(5, 0.3, 3000))
    assert (ended.by, ended.reached) == ("max_s", False)
    assert "asked for 0.10%" in ended.note


def test_requests_without_an_answer_keep_a_percentile_from_converging() -> None:
    rule = measuring_rule(Method(min_s=0, max_s=1000, precision=0.05, precision_of="p90"))
    rule.take(list(noise(5, 0.01, 2000)))
    rule.lose(1000)
    assert rule.ended(3000, 10**9) is None, "a third is infinitely slow, and so is p90"


@given(st.lists(st.lists(st.floats(0, 10), max_size=30), max_size=40))
def test_portions_hand_on_everything_in_order(given_in: list[list[float]]) -> None:
    handed: list[float] = []
    portions = Portions(lambda samples: handed.extend(samples.tolist()))
    for some in given_in:
        portions.take(some)
    portions.hand_on()
    assert handed == [sample for some in given_in for sample in some]


def decided(times_ms: np.ndarray, lost: int = 0) -> Ended | None:
    rule = UntilDecided(0.9, 20.0, 0.95, AtLeast(steps=0, s=0, max_s=60))
    rule.lose(lost)
    return fed(rule, times_ms)[1]


def test_a_trial_is_decided_when_the_whole_interval_is_on_one_side_of_the_limit() -> None:
    assert decided(noise(10, 0.1, 2000)).by == "keeps"
    assert decided(noise(25, 0.1, 2000)).by == "breaks"
    assert decided(noise(17.7, 0.1, 4000)).by == "undecided", "its p90 is the limit"
    assert decided(noise(10, 0.1, 2000), lost=400).by == "breaks", "those without an answer are slower than any limit"
    assert decided(noise(10, 0.1, 30)) is None, "nothing is known yet"
