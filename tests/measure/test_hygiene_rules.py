"""A rule is broken beyond its threshold only; what is not known is not checked, what does not matter is left out."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.measure.hygiene.facts import Facts, Thresholds
from migperf.measure.hygiene.rules import RULES, judge

LIMITS = Thresholds()
CLEAN: dict[str, Any] = {
    "throttled_share": 0.0,
    "clock_sm_spread_rel": 0.01,
    "device_processes": 1,
    "neighbours_sm_active_pct": 0.3,
    "used_instances": 0,
    "processors": 16,
    "has_all_processors": True,
    "host_cpu_cores": 15.2,
    "others_cpu_cores": 0.2,
    "load_average_1min": 40.0,
    "cpu_governor": "performance",
    "cpu_scaling_driver": "acpi-cpufreq",
    "cpu_pressure_share": 0.9,
    "memory_pressure_share": 0.0,
    "io_pressure_share": 0.9,
    "swapped_mib_per_s": 0.0,
    "utilisation": 0.6,
    "offered_per_s": 50.0,
    "generator_honest_per_s": 8000.0,
    "steadiness": "steady",
    "warmup_steadiness": "steady",
    "sampler_lateness_ms": 4.0,
    "sampler_period_ms": 100.0,
}
"""A run whose own work may keep processors and storage as busy as it likes."""
BROKEN: dict[str, dict[str, Any]] = {
    "throttled": {"throttled_share": 0.001, "throttled_by": ("power cap", "sw thermal")},
    "clock_unsteady": {"clock_sm_spread_rel": 0.051},
    "device_shared": {"device_processes": 2},
    "busy_instances": {"neighbours_sm_active_pct": 1.1},
    "used_instances": {"used_instances": 1},
    "board_recut": {"board_recut": "7g.80gb before the run, 2x3g.40gb after it"},
    "busy_neighbours": {"others_cpu_cores": 0.81},
    "cpu_governor": {"cpu_governor": "powersave"},
    "memory_pressure": {"memory_pressure_share": 0.051},
    "swapped": {"swapped_mib_per_s": 0.11},
    "overloaded": {"utilisation": 0.995},
    "arrivals_late": {"offered_per_s": 9000.0},
    "not_steady": {"steadiness": "drifting", "steadiness_why": "changes by +5.0% from sample 3 to 99"},
    "warmup_not_steady": {"warmup_steadiness": "changing", "warmup_steadiness_why": "the level last changed"},
    "sampler_late": {"sampler_lateness_ms": 101.0},
}
NEEDED = sorted({name for rule in RULES for name in rule.needs})


def broken(**facts: Any) -> list[str]:
    return [taint.rule for taint in judge(Facts(**{**CLEAN, **facts})).taints]


def test_a_clean_run_has_no_taint() -> None:
    verdict = judge(Facts(**CLEAN))
    assert verdict.taints == ()
    assert verdict.not_checked == {}


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_each_rule_alone_is_broken_by_what_it_is_about_and_says_all_that_people_need(rule: str) -> None:
    (taint,) = judge(Facts(**{**CLEAN, **BROKEN[rule]})).taints
    assert taint.rule == rule
    assert taint.seen
    assert taint.threshold
    assert taint.remedy
    assert "{" not in taint.seen + taint.threshold


def test_what_was_seen_is_told_in_numbers() -> None:
    taints = {t.rule: t for name in BROKEN for t in judge(Facts(**{**CLEAN, **BROKEN[name]})).taints}
    assert taints["throttled"].seen == "clocks were held down for 0.1% of the window (power cap, sw thermal)"
    assert (taints["throttled"].threshold, taints["clock_unsteady"].threshold) == ("0%", "5.0%")
    assert taints["busy_neighbours"].seen == "others kept 0.81 of 16 processors busy"
    assert taints["busy_neighbours"].threshold == "0.80 processors"
    assert taints["swapped"].seen == "0.11 MiB/s went to and from swap"
    assert taints["not_steady"].seen == "changes by +5.0% from sample 3 to 99"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"others_cpu_cores": 0.25, "processors": 1}, False),
        ({"others_cpu_cores": 0.26, "processors": 1}, True),
        ({"others_cpu_cores": 0.79}, False),
        ({"others_cpu_cores": 3.0, "has_all_processors": False, "host_cpu_cores": 12.8}, False),
        ({"others_cpu_cores": 3.0, "has_all_processors": False, "host_cpu_cores": 12.9}, True),
        ({"others_cpu_cores": 0.2, "has_all_processors": False, "host_cpu_cores": 16.0}, False),
    ],
)
def test_neighbours_count_where_they_take_what_the_run_computes_on_else_when_the_host_is_full(
    facts: dict[str, Any], expected: bool
) -> None:
    assert broken(**facts) == (["busy_neighbours"] if expected else [])


@pytest.mark.parametrize("driver", ["intel_pstate", "amd-pstate-epp"])
def test_powersave_is_the_ordinary_governor_of_drivers_that_raise_clocks_by_themselves(driver: str) -> None:
    assert broken(cpu_governor="powersave", cpu_scaling_driver=driver) == []
    assert broken(cpu_governor="powersave", cpu_scaling_driver=None) == ["cpu_governor"]
    assert broken(cpu_governor="schedutil", cpu_scaling_driver=None) == []


def test_noise_alone_is_no_taint() -> None:
    assert broken(steadiness="too_noisy", warmup_steadiness="too_few") == []


@given(st.sets(st.sampled_from(NEEDED)), st.sets(st.sampled_from(sorted(BROKEN))))
def test_a_rule_is_broken_held_left_out_or_not_checked_with_the_reason_and_never_guessed(
    unknown: set[str], bad: set[str]
) -> None:
    facts = {**CLEAN, **{name: value for rule in bad for name, value in BROKEN[rule].items()}}
    known = {name: value for name, value in facts.items() if name not in unknown}
    verdict = judge(Facts(**known, absent={name: f"no {name}" for name in unknown}))
    for rule in RULES:
        cannot = [name for name in rule.needs if name in unknown]
        if cannot:
            assert verdict.not_checked[rule.name] == f"no {cannot[0]}"
        assert (rule.name in {t.rule for t in verdict.taints}) == (rule.name in bad and not cannot)


@given(st.sets(st.sampled_from(NEEDED)))
def test_what_does_not_matter_here_is_neither_broken_nor_unchecked(left_out: set[str]) -> None:
    verdict = judge(Facts(**{name: value for name, value in CLEAN.items() if name not in left_out}))
    assert verdict.taints == ()
    assert verdict.not_checked == {}


NUMBERS = {
    "throttled": ("throttled_share", "throttled_share"),
    "clock_unsteady": ("clock_sm_spread_rel", "clock_sm_spread_rel"),
    "memory_pressure": ("memory_pressure_share", "memory_pressure_share"),
    "swapped": ("swapped_mib_per_s", "swapped_mib_per_s"),
}


@pytest.mark.parametrize("rule", NUMBERS)
@given(value=st.floats(0, 10), limit=st.floats(0, 10))
def test_a_threshold_itself_is_in_order_and_anything_beyond_is_not(rule: str, value: float, limit: float) -> None:
    fact, threshold = NUMBERS[rule]
    verdict = judge(Facts(**{**CLEAN, fact: value}), replace(LIMITS, **{threshold: limit}))
    assert (rule in {taint.rule for taint in verdict.taints}) == (value > limit)


@given(st.floats(0, 32), st.floats(0, 32), st.booleans())
def test_more_of_others_never_makes_a_run_cleaner(less: float, more: float, has_all: bool) -> None:
    less, more = sorted((less, more))
    own = 3.0

    def tainted(others: float) -> bool:
        return bool(
            broken(others_cpu_cores=others, host_cpu_cores=own + others, processors=32, has_all_processors=has_all)
        )

    assert tainted(less) <= tainted(more)


def test_rules_and_facts_have_names_that_agree() -> None:
    assert set(BROKEN) == {rule.name for rule in RULES}
    assert set(NEEDED) <= set(Facts.model_fields)
