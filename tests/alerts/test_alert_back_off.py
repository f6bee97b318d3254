"""Pauses between tries double, up to an hour, and are spread by chance."""

import random

from hypothesis import given
from hypothesis import strategies as st

from migperf.alerts.back_off import LONGEST_S, pause_s


@given(st.integers(1, 10_000), st.floats(0.01, 60), st.randoms(use_true_random=False))
def test_a_pause_is_at_least_half_of_what_the_try_allows(attempt: int, first_s: float, dice: random.Random) -> None:
    whole = min(LONGEST_S, first_s * 2.0 ** min(attempt - 1, 60))
    assert whole / 2 <= pause_s(attempt, first_s, dice) <= whole


def test_messages_that_failed_together_do_not_come_back_together() -> None:
    dice = random.Random(7)
    pauses = [pause_s(1, 60, dice) for _ in range(100)]
    assert max(pauses) - min(pauses) > 20
