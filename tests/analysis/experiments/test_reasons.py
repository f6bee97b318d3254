"""A reason is said once, however many repeats have it, and no number of it is lost."""

from hypothesis import given
from hypothesis import strategies as st

from migperf.analysis.experiments.reasons import alike, by_reason

TOO_FEW = "needs at least 459 steps, {} were measured; raise min_steps or min_s"


def test_reasons_that_differ_in_numbers_become_one_with_their_range() -> None:
    assert alike([TOO_FEW.format(count) for count in (193, 171, 191)]) == (TOO_FEW.format("171 to 193"),)


def test_other_reasons_stay_apart_in_the_order_in_which_they_came() -> None:
    assert alike(["lost", "does not fit", "lost"]) == ("lost", "does not fit")


def test_numbers_within_names_are_no_numbers() -> None:
    different = ("p99 of client 1", "p50 of client 1", "GPU-12 is gone", "GPU-13 is gone", "torch 2.1.3", "torch 2.2.4")
    assert alike(different) == different


def test_each_reason_names_its_repeats_from_one() -> None:
    assert by_reason([(0, "took 3 s"), (2, "lost"), (3, "took 2.5 s")]) == (
        "repeats 1, 4: took 2.5 to 3 s",
        "repeat 3: lost",
    )


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=9))
def test_the_range_holds_every_number(counts: list[int]) -> None:
    (said,) = alike(f"{count} steps" for count in counts)
    ends = [int(end) for end in said.removesuffix(" steps").split(" to ")]
    assert (ends[0], ends[-1]) == (min(counts), max(counts))
