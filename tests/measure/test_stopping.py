"""Phases end when their rule says so, and the rule names what it decided by."""

from hypothesis import given
from hypothesis import strategies as st

from migperf.measure.stopping import NS_PER_S, AtLeast, Ended, Exactly

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
