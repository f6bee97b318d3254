"""A comparison of runs: its verdict, what it is per, what differs, and what the clock has to say."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from migperf.analysis.comparison import CandidateAnswer, compare_runs
from migperf.analysis.errors import IncomparableError
from migperf.analysis.measured import MeasuredRun
from migperf.analysis.question import Compared, Question
from migperf.analysis.terms import Aspect, StatisticName
from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.series import Gap
from migperf.statistics.spreads import Basis
from migperf.statistics.verdict import Verdict
from tests.analysis.made_runs import BENCHMARK, ENVIRONMENT, NS_PER_S, clock, measured, noisy, side, simulated
from tests.builders import partition

LARGER = {"benchmark": {**BENCHMARK, "parameters": {"batch_size": 4}}, "fingerprint": "e" * 64}


def answer(baseline: Sequence[MeasuredRun], candidate: Sequence[MeasuredRun], **asked: Any) -> CandidateAnswer:
    (found,) = compare_runs(baseline, [candidate], Question(**asked))
    return found


def in_time(found: CandidateAnswer) -> Compared:
    assert found.in_time is not None, found.in_time_absent
    return found.in_time


@pytest.mark.parametrize(
    ("factor", "verdict", "word"),
    [(1.0, Verdict.SAME, "the same within 1 %"), (1.05, Verdict.SLOWER, "slower"), (0.95, Verdict.FASTER, "faster")],
)
def test_the_verdict_on_runs_of_one_benchmark(factor: float, verdict: Verdict, word: str) -> None:
    found = answer(side("a", 5.0, 6), side("b", 5.0 * factor, 6))
    compared = in_time(found)
    assert compared.comparison.verdict is verdict
    assert compared.comparison.ratio == pytest.approx(factor, rel=0.005)
    assert compared.candidate_value / compared.baseline_value == pytest.approx(compared.comparison.ratio)
    assert found.headline.startswith(f"{word}: the mean of latency per step differs by ")
    assert found.runs == tuple(f"b-{n}" for n in range(6))


def test_one_run_of_each_says_that_a_spread_was_assumed_and_how_many_would_decide() -> None:
    found = answer(side("a", 5.0, 1), side("b", 5.1, 1))
    assert in_time(found).comparison.basis is Basis.ASSUMED
    assert in_time(found).comparison.verdict is Verdict.UNDECIDED
    assert "runs of each would probably show a difference of" in found.headline
    assert "a spread of 2 % between runs is assumed" in found.headline


@pytest.mark.parametrize(
    ("between", "paired", "words"),
    [(0.05, False, " % interval -"), (0.05, True, " pairs would probably show"), (0.6, False, " runs of each would")],
)
def test_the_headline_has_the_digits_that_its_interval_can_defend(between: float, paired: bool, words: str) -> None:
    """Three runs of each whose means differ by so much."""
    sides = [
        [measured(f"{name}-{n}", noisy(5.0 * (1 + between * by), 7 * n)) for n, by in enumerate(spread)]
        for name, spread in (("a", (-1, 0, 1)), ("b", (1, -1, 0.5)))
    ]
    found = answer(*sides, paired=paired)
    assert words in found.headline
    decimals = {len(part.split()[0].partition(".")[2]) for part in re.findall(r"[-+][0-9.]+ %", found.headline)}
    assert decimals == {0} if in_time(found).comparison.interval.half_width > 0.1 else {1}


def test_each_candidate_has_an_answer_of_its_own() -> None:
    found = compare_runs(side("a", 5.0), [side("b", 5.0), side("c", 6.0)], Question(margin=0.02))
    assert [in_time(one).comparison.verdict for one in found] == [Verdict.SAME, Verdict.SLOWER]


def test_the_margin_is_what_does_not_matter() -> None:
    sides = side("a", 5.0, 6), side("b", 5.1, 6)
    assert in_time(answer(*sides)).comparison.verdict is Verdict.SLOWER
    assert in_time(answer(*sides, margin=0.05)).comparison.verdict is Verdict.SAME


@pytest.mark.parametrize(("statistic", "needed"), [("p50", 7), ("p90", 44), ("p95", 90), ("p99", 459)])
def test_a_percentile_that_the_steps_do_not_support_is_absent_with_the_reason(statistic: str, needed: int) -> None:
    few = measured("few", noisy(5.0, 1, needed - 1))
    asked = StatisticName(statistic)
    found = answer(side("a", 5.0), [few], statistic=asked)
    assert found.in_time is None
    assert found.in_time_absent == (
        f"{statistic} needs at least {needed} steps in every run, run few has {needed - 1}; raise min_steps or min_s"
    )
    assert found.headline == f"not compared: {found.in_time_absent}"
    enough = measured("enough", noisy(5.0, 1, needed))
    assert in_time(answer(side("a", 5.0), [enough], statistic=asked)).unit == "ms"


def test_a_percentile_is_compared_and_not_the_mean() -> None:
    """Half of the steps take twice as long, on both sides; only the candidate's shorter half is longer."""
    baseline, candidate = np.tile([5.0, 10.0], 200), np.tile([6.0, 10.0], 200)
    runs = [measured("a", baseline)], [measured("b", candidate)]
    assert in_time(answer(*runs, statistic=StatisticName.P90)).comparison.ratio == pytest.approx(1.0)
    assert in_time(answer(*runs)).comparison.ratio == pytest.approx(16 / 15)


def test_steps_of_different_size_are_compared_by_the_sample_and_that_is_said() -> None:
    found = answer(side("a", 5.0), side("b", 16.0, samples_per_step=4, **LARGER))
    compared = in_time(found)
    assert found.per == "sample"
    assert (compared.baseline_value, compared.candidate_value) == (
        pytest.approx(5.0, rel=0.01),
        pytest.approx(4.0, rel=0.01),
    )
    assert compared.comparison.verdict is Verdict.FASTER
    assert not found.same_work
    assert "per sample" in found.headline
    told = {difference.name: (difference.baseline, difference.candidate) for difference in found.differences}
    assert told == {"parameters.batch_size": ((1,), (4,)), "samples_per_step": ((1,), (4,))}


def test_nothing_is_told_to_differ_where_nothing_does() -> None:
    found = answer(side("a", 5.0), side("b", 5.0))
    assert (found.differences, found.same_work) == ((), True)


@pytest.mark.parametrize(
    ("changed", "aspect", "name", "values"),
    [
        ({"environment": ENVIRONMENT | {"torch": "2.12.0"}}, Aspect.ENVIRONMENT, "torch", ("2.13.0", "2.12.0")),
        ({"environment": {"torch": "2.13.0"}}, Aspect.ENVIRONMENT, "torch_threads", (2, None)),
        ({"partition": partition(model="another")}, Aspect.PARTITION, "model", ("a processor", "another")),
        ({"partition": partition("CPU-9")}, Aspect.PARTITION, "uuid", ("CPU-1", "CPU-9")),
        ({"node": "node-2"}, Aspect.PARTITION, "node", ("node-1", "node-2")),
        ({"benchmark": BENCHMARK | {"seed": 7}}, Aspect.METHOD, "seed", (0, 7)),
        ({"benchmark": BENCHMARK | {"method": {"min_s": 1.0}}}, Aspect.METHOD, "method.min_s", (5.0, 1.0)),
        ({"benchmark": BENCHMARK | {"workload": "resnet34"}}, Aspect.WORK, "workload", ("resnet18", "resnet34")),
        ({"sample_unit": "row"}, Aspect.WORK, "sample_unit", ("image", "row")),
    ],
)
def test_what_differs_is_told_with_both_values(
    changed: dict[str, Any], aspect: Aspect, name: str, values: tuple[Any, Any]
) -> None:
    found = answer(side("a", 5.0), side("b", 5.0, **changed))
    (difference,) = found.differences
    assert (difference.aspect, difference.name) == (aspect, name)
    assert (difference.baseline, difference.candidate) == ((values[0],), (values[1],))
    assert found.same_work == (aspect is not Aspect.WORK)


def test_runs_that_broke_a_rule_of_hygiene_are_named_with_the_rule() -> None:
    found = answer(side("a", 5.0), side("b", 5.0, count=2, taints=("throttled", "not_steady")))
    assert found.tainted == {"b-0": ("throttled", "not_steady"), "b-1": ("throttled", "not_steady")}


def test_what_differs_within_a_side_is_told_as_well() -> None:
    odd = replace(side("b", 5.0, 1)[0], environment=ENVIRONMENT | {"torch": "2.12.0"})
    (difference,) = answer(side("a", 5.0), [*side("c", 5.0, 2), odd]).differences
    assert (difference.baseline, difference.candidate) == (("2.13.0",), ("2.13.0", "2.12.0"))


def test_what_was_seen_of_one_run_alone_is_no_difference() -> None:
    seen = ENVIRONMENT | {"load_average_1min": 7.0, "hygiene": {"facts": {"host_cpu_cores": 1.2}}}
    assert answer(side("a", 5.0), side("b", 5.0, environment=seen)).differences == ()


CLOCKED = {"clock": clock([2000.0] * 60), "clock_absent": None}
CLOCKED_DOWN = {"clock": clock([1000.0] * 120), "clock_absent": None}


@pytest.mark.parametrize(
    ("mean_ms", "candidate", "time", "cycles", "why"),
    [
        (10.0, CLOCKED_DOWN, Verdict.SLOWER, Verdict.SAME, "slower because it was clocked down: it takes as many"),
        (10.0, CLOCKED, Verdict.SLOWER, Verdict.SLOWER, "slower in itself"),
        (8.0, CLOCKED_DOWN, Verdict.SLOWER, Verdict.FASTER, "slower because it was clocked down: it takes fewer"),
        (5.0, CLOCKED_DOWN, Verdict.SAME, Verdict.FASTER, "the same in time, at a lower clock"),
        (5.0, CLOCKED, Verdict.SAME, Verdict.SAME, "the same in time and in cycles"),
        (4.0, CLOCKED, Verdict.FASTER, Verdict.FASTER, "faster in itself"),
    ],
)
def test_slow_because_clocked_down_is_told_from_slow(
    mean_ms: float, candidate: dict[str, Any], time: Verdict, cycles: Verdict, why: str
) -> None:
    found = answer(side("a", 5.0, 6, **CLOCKED), side("b", mean_ms, 6, **candidate))
    assert in_time(found).comparison.verdict is time
    assert found.in_cycles is not None, found.in_cycles_absent
    assert found.in_cycles.cycles.comparison.verdict is cycles
    assert found.in_cycles.cycles.unit == "Mcycle"
    assert found.in_cycles.cycles.baseline_value == pytest.approx(10.0, rel=0.01)
    assert found.in_cycles.why.startswith(why)
    assert f"{found.in_cycles.clocks.candidate_mhz:.0f} MHz" in found.in_cycles.why
    assert (found.in_cycles.clocks.baseline_left_out, found.in_cycles.clocks.candidate_left_out) == (0, 0)


def test_cycles_are_normalised_as_time_is() -> None:
    found = answer(side("a", 5.0, **CLOCKED), side("b", 20.0, samples_per_step=4, **LARGER, **CLOCKED))
    assert found.in_cycles is None, "6 s of clock do not cover 10 s of steps"
    covered = CLOCKED | {"clock": clock([2000.0] * 120)}
    found = answer(side("a", 5.0, **CLOCKED), side("b", 20.0, samples_per_step=4, **LARGER, **covered))
    assert found.in_cycles is not None, found.in_cycles_absent
    assert found.in_cycles.cycles.candidate_value == pytest.approx(10.0, rel=0.01)


def test_without_a_clock_on_both_sides_there_is_no_comparison_in_cycles_but_the_reason() -> None:
    found = answer(side("a", 5.0, **CLOCKED), side("b", 5.0))
    assert found.in_cycles is None
    assert found.in_cycles_absent == "run b-0: it has no series clock_sm"
    assert in_time(found).comparison.verdict is Verdict.SAME


def test_steps_without_a_clock_are_counted_and_too_many_of_them_are_a_reason() -> None:
    stalled = Absence(AbsenceState.STALLED, "late")

    def with_gap(length_s: float) -> dict[str, Any]:
        gap = Gap(NS_PER_S, round((1 + length_s) * NS_PER_S), stalled)
        return {"clock": clock([2000.0] * 60, gaps=[gap]), "clock_absent": None}

    few = answer(side("a", 5.0, 1, **CLOCKED), side("b", 5.0, 1, **with_gap(0.01)))
    assert few.in_cycles is not None, few.in_cycles_absent
    assert few.in_cycles.clocks.baseline_left_out == 0
    assert 15 <= few.in_cycles.clocks.candidate_left_out <= 25
    many = answer(side("a", 5.0, 1, **CLOCKED), side("b", 5.0, 1, **with_gap(0.5)))
    assert many.in_cycles is None
    assert many.in_cycles_absent is not None
    assert many.in_cycles_absent.startswith("run b-0: only 7")
    assert "it takes 95%; raise sample_hz" in many.in_cycles_absent


def test_a_percentile_needs_as_many_steps_with_a_clock() -> None:
    gap = Gap(NS_PER_S, NS_PER_S + 1, Absence(AbsenceState.STALLED, "late"))
    runs = [measured(name, np.full(460, 5.0), clock=clock([2000.0] * 60), clock_absent=None) for name in ("a", "b")]
    without = replace(runs[1], clock=clock([2000.0] * 60, gaps=[gap]))
    assert answer([runs[0]], [runs[1]], statistic=StatisticName.P99).in_cycles is not None
    found = answer([runs[0]], [without], statistic=StatisticName.P99)
    assert in_time(found).comparison.ratio == pytest.approx(1.0)
    assert found.in_cycles is None
    assert str(found.in_cycles_absent).startswith("p99 needs at least 459 steps in every run, run b has 4")


def test_what_no_number_of_runs_would_decide_is_said() -> None:
    sides = [[measured(f"{name}-{n}", noisy(5.0 + n, n)) for n in range(3)] for name in ("a", "b")]
    assert "; not even 1,000 runs of each would probably show that they differ by less than" in answer(*sides).headline


def test_pairs_cancel_what_drifts_slowly() -> None:
    """Both sides become 20 % slower over six pairs, and the candidate is 3 % slower throughout."""
    drift = np.linspace(1.0, 1.2, 6)
    baseline = [measured(f"a-{n}", noisy(5.0 * by, n)) for n, by in enumerate(drift)]
    candidate = [measured(f"b-{n}", noisy(5.15 * by, 100 + n)) for n, by in enumerate(drift)]
    assert in_time(answer(baseline, candidate)).comparison.verdict is Verdict.UNDECIDED
    paired = in_time(answer(baseline, candidate, paired=True)).comparison
    assert (paired.verdict, paired.basis) == (Verdict.SLOWER, Basis.PAIRS)


@pytest.mark.parametrize(
    ("baseline", "candidate", "paired", "field", "words"),
    [
        (side("a", 5.0), side("b", 5.0, metric="step_time"), False, "candidate", "timed step_time"),
        (side("a", 5.0), side("b", 5.0, partition=simulated()), False, "candidate", "run b-0 was on a simulated"),
        (side("a", 5.0, partition=simulated()), side("b", 5.0), False, "candidate", "run a-0 was on a simulated"),
        ((*side("a", 5.0), *side("c", 5.0, **LARGER)), side("b", 5.0), False, "baseline", "of different benchmarks"),
        (side("a", 5.0), (*side("b", 5.0), *side("c", 5.0, **LARGER)), False, "candidate", "of different benchmarks"),
        (side("a", 5.0), side("a", 5.0), False, "candidate", "run a-0 is given twice"),
        (side("a", 5.0, 3), side("b", 5.0, 4), True, "candidate", "there are 3 and 4"),
        (side("a", 5.0, 1), side("b", 5.0, 1), True, "candidate", "there are 1 and 1"),
        (side("a", 5.0), side("b", 5.0, samples_per_step=None, **LARGER), False, "candidate", "how many samples"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_field_and_the_remedy(
    baseline: Sequence[MeasuredRun], candidate: Sequence[MeasuredRun], paired: bool, field: str, words: str
) -> None:
    with pytest.raises(IncomparableError, match=words) as caught:
        compare_runs(baseline, [candidate], Question(paired=paired))
    assert caught.value.field == field
    assert caught.value.given in {run.id for run in (*baseline, *candidate)}


@pytest.mark.parametrize("known", [None, 4])
def test_the_size_of_steps_need_not_be_known_where_the_benchmark_is_the_same(known: int | None) -> None:
    found = answer(side("a", 5.0, samples_per_step=None), side("b", 5.0, samples_per_step=known))
    assert (found.per, in_time(found).comparison.verdict) == ("step", Verdict.SAME)
    assert in_time(found).candidate_value == pytest.approx(5.0, rel=0.01)
