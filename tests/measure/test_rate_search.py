"""The search finds the rate at which a limit breaks, never claims one that was not shown, and comes to an end."""

from hypothesis import given
from hypothesis import strategies as st

from migperf.measure.searching.rate_search import MOST_TRIALS, RateSearch, Shown

RATES = st.floats(0.01, 1e6)


def search(
    true_per_s: float, start_per_s: float, tolerance: float, blur: float = 0.0, highest_per_s: float = 1e6
) -> RateSearch:
    """Search for a limit that breaks at a rate; within ``blur`` of it, relative, trials stay undecided."""
    one = RateSearch(start_per_s, tolerance, lowest_per_s=0.001, highest_per_s=highest_per_s)
    while (rate := one.next_rate()) is not None:
        if abs(rate / true_per_s - 1) < blur:
            one.tell(rate, Shown.UNDECIDED)
        else:
            one.tell(rate, Shown.KEEPS if rate < true_per_s else Shown.BREAKS)
    return one


@given(RATES, RATES, st.floats(0.005, 0.5))
def test_it_ends_within_the_tolerance_of_the_true_rate(true: float, start: float, tolerance: float) -> None:
    found = search(true, start, tolerance).found()
    assert found.keeps_per_s is not None
    assert found.keeps_per_s < true
    if found.fails_per_s is not None:
        assert true <= found.fails_per_s <= found.keeps_per_s * (1 + tolerance)
    assert found.trials < MOST_TRIALS


@given(RATES, RATES, st.floats(0.01, 0.3))
def test_where_trials_stay_undecided_what_is_claimed_is_below(true: float, start: float, blur: float) -> None:
    found = search(true, start, 0.02, blur).found()
    assert found.keeps_per_s is None or found.keeps_per_s <= true * (1 - blur) * 1.000001


@given(RATES, st.floats(1, 1e5))
def test_it_never_tries_more_than_it_may(true: float, highest: float) -> None:
    one = search(true, 10, 0.05, highest_per_s=highest)
    assert max(rate for rate, _ in one.shown) <= highest
    if true > highest:
        assert (one.found().keeps_per_s, one.found().fails_per_s) == (highest, None)


def test_a_limit_that_no_rate_keeps_has_no_answer() -> None:
    one = RateSearch(100, 0.05, lowest_per_s=1, highest_per_s=1000)
    while (rate := one.next_rate()) is not None:
        one.tell(rate, Shown.BREAKS)
    assert one.found().keeps_per_s is None
    assert one.found().fails_per_s == 1
