"""The search finds the largest size that an oracle lets fit, asks it seldom, and copes with oracles that are odd."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.measure.searching.batch_search import BatchResult, BatchSearch, LimitedBy

MOST = 5000
sizes = st.integers(1, MOST)


def searched(search: BatchSearch, fitting: set[int] | range) -> tuple[BatchResult, list[int]]:
    """Return what the search finds where these sizes fit, and the sizes that it tried."""
    result, tried, _ = followed(search, fitting)
    return result, tried


def followed(search: BatchSearch, fitting: set[int] | range) -> tuple[BatchResult, list[int], list[int]]:
    """Return what the search finds, the sizes that it tried, and how many it said that were left before each."""
    tried: list[int] = []
    lefts = [search.most_left()]
    while search.next is not None:
        assert search.next not in tried, "nothing is tried twice"
        tried.append(search.next)
        search.take(fits=search.next in fitting)
        lefts.append(search.most_left())
    return search.result(), tried, lefts


@given(first=sizes, limit=sizes, largest=st.integers(0, MOST))
def test_the_largest_size_that_fits_is_found_with_few_trials(first: int, limit: int, largest: int) -> None:
    first = min(first, limit)
    result, tried, lefts = followed(BatchSearch(first, limit), range(1, largest + 1))
    assert all(after < before for before, after in pairwise(lefts)), "it ends when it said that it would, or before"
    assert result.largest == min(largest, limit)
    assert result.limited_by is (LimitedBy.LIMIT if largest >= limit else LimitedBy.MEMORY)
    assert len(tried) <= 2 * math.log2(limit) + 3
    assert max(tried) <= limit


@given(limit=sizes, fitting=st.sets(st.integers(1, 100)))
def test_where_fitting_is_not_monotone_the_result_fits_and_the_next_size_does_not(
    limit: int, fitting: set[int]
) -> None:
    result, tried = searched(BatchSearch(1, limit), fitting)
    if result.largest:
        assert result.largest in fitting
        assert result.largest in tried
    if result.largest < limit:
        assert result.above == result.largest + 1
        assert result.above not in fitting
        assert result.above in tried


@given(first=sizes, limit=sizes, ceiling=sizes, largest=st.integers(0, MOST))
def test_sizes_that_the_parameters_forbid_are_not_tried_and_named_as_the_limit(
    first: int, limit: int, ceiling: int, largest: int
) -> None:
    first = min(first, limit, ceiling)
    result, tried = searched(BatchSearch(first, limit, lambda size: size <= ceiling), range(1, largest + 1))
    assert max(tried) <= min(ceiling, limit)
    assert result.largest == min(largest, ceiling, limit)
    expected = LimitedBy.LIMIT if ceiling >= limit else LimitedBy.PARAMETERS
    assert result.limited_by is (LimitedBy.MEMORY if largest < min(ceiling, limit) else expected)


@given(step=st.integers(1, 64), factor=st.integers(1, 8), limit=sizes, largest=st.integers(0, MOST))
def test_sizes_that_must_be_multiples_are_found_among_those(step: int, factor: int, limit: int, largest: int) -> None:
    first = step * factor
    limit = max(limit, first)
    result, tried = searched(BatchSearch(first, limit, lambda size: size % step == 0), range(1, largest + 1))
    assert result.largest == min(largest, limit) // step * step
    assert all(size % step == 0 for size in tried)


def test_doubling_then_halving() -> None:
    _, tried = searched(BatchSearch(1, 4096), range(1, 12))
    assert tried == [1, 2, 4, 8, 16, 12, 10, 11]


def test_it_has_no_result_before_the_end_and_takes_nothing_after() -> None:
    search = BatchSearch(1, 1)
    with pytest.raises(ValueError, match="not ended"):
        search.result()
    search.take(fits=True)
    assert (search.result().limited_by, search.most_left()) == (LimitedBy.LIMIT, 0)
    with pytest.raises(ValueError, match="has ended"):
        search.take(fits=True)
