"""How long an experiment takes: at most what its methods allow, as expected what they ask for, better what was seen."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.experiments.estimate import OVERHEAD_S, duration_of
from migperf.experiments.group import GroupSpec, Member, Role
from migperf.measure.benchmark import Benchmark

FIXED = {"warmup_s": 1, "warmup_max_s": 3, "steady_within": None, "min_s": 2, "max_s": 10, "precision": None}


def member(role: Role = Role.CLIENT, **more: Any) -> Member:
    asked = {"workload": "test-step", "scenario": "single_stream", "method": FIXED}
    return Member(role=role, benchmark=Benchmark.model_validate(asked | more))


def group(*members: Member) -> GroupSpec:
    return GroupSpec(members=members, sharing="time_slicing" if len(members) > 1 else None)


def test_a_fixed_method_takes_its_least_and_at_most_its_limits() -> None:
    found = duration_of(group(member()), 3600)
    assert (found.expected_s, found.longest_s) == (OVERHEAD_S + 1 + 2, OVERHEAD_S + 3 + 10)


def test_a_group_takes_as_long_as_its_longest_run() -> None:
    longer = member(Role.NEIGHBOUR, method=FIXED | {"min_s": 9})
    assert duration_of(group(member(), longer), 3600).expected_s == OVERHEAD_S + 1 + 9


def test_a_run_ends_with_its_timeout() -> None:
    found = duration_of(group(member()), 5)
    assert (found.expected_s, found.longest_s) == (5, 5)


def test_what_was_seen_counts_more_than_what_is_asked_for() -> None:
    one = member()
    found = duration_of(group(one), 3600, {one.benchmark.fingerprint(): 42.0}.get)
    assert (found.expected_s, found.longest_s, found.seen) == (42, 42, True)
    assert not duration_of(group(one, member(seed=1, parameters={"step_ms": 9})), 3600, lambda _: None).seen


@given(st.floats(0, 60), st.floats(0, 60), st.sampled_from([None, 0.02]), st.sampled_from([None, 0.01]))
def test_what_is_expected_lies_between_the_least_and_the_most(
    min_s: float, more_s: float, steady: float | None, precision: float | None
) -> None:
    method = {"min_s": min_s, "max_s": min_s + more_s + 1, "steady_within": steady, "precision": precision}
    found = duration_of(group(member(method=method)), 3600)
    assert OVERHEAD_S + min_s + 1 <= found.expected_s <= found.longest_s


@pytest.mark.parametrize("tolerance", [0.5, 0.05, 0.01])
def test_a_search_for_a_rate_takes_a_trial_more_for_each_halving_of_the_gap(tolerance: float) -> None:
    asked = {"scenario": "server", "search": {"kind": "max_rate", "limit_ms": 50, "tolerance": tolerance}}
    closer = asked | {"search": asked["search"] | {"tolerance": tolerance / 2}}
    rough, close = (duration_of(group(member(**a)), 1e6) for a in (asked, closer))
    assert rough.expected_s < close.expected_s <= close.longest_s
    assert close.longest_s < 1e6


def test_a_search_for_a_batch_ends_with_its_timeout_at_the_latest() -> None:
    sized = {"workload": "resnet18", "scenario": "offline", "search": {"kind": "max_batch", "limit": 64}}
    found = duration_of(group(member(**sized)), 900)
    assert OVERHEAD_S < found.expected_s < found.longest_s == 900
