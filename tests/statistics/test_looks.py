"""Looks at growing data are few, and together keep the confidence that was asked for."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.statistics.looks import FIRST_LOOK, level_per_look, planned_looks


def test_the_looks_at_up_to_twenty_pairs() -> None:
    assert planned_looks(20) == (3, 4, 5, 7, 9, 12, 16, 20)


@given(most=st.integers(1, 2_000))
def test_looks_grow_by_a_quarter_and_end_at_the_most(most: int) -> None:
    looks = planned_looks(most)
    assert looks[-1] == most
    assert all(earlier < later for earlier, later in pairwise(looks))
    assert all(later >= 1.25 * earlier or later == earlier + 1 for earlier, later in pairwise(looks))
    assert len(looks) == 1 or looks[0] == FIRST_LOOK


@given(level=st.floats(0.5, 0.999), looks=st.integers(1, 50))
def test_errors_of_all_looks_add_up_to_the_one_allowed(level: float, looks: int) -> None:
    assert looks * (1 - level_per_look(level, looks)) == pytest.approx(1 - level)
