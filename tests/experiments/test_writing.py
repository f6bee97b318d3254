"""An experiment written as a file reads as the same experiment, whatever its texts, axes and numbers are."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from migperf.experiments.document import Experiment, parse
from migperf.experiments.writing import to_yaml

BASE: dict[str, Any] = {"migperf": 1, "name": "study"}
# Characters that mean something in YAML, or that it takes for the end of a line.
texts = st.text(st.sampled_from("a0 \n\t\r\x85\u2028\ufeff\x1bé×🙂:-#'\"?&*!|>%@`[]{},.~=\\"), max_size=8)
words = st.sampled_from(("off", "yes", "null", "~", "1e3", "1_000", "0x1f", "1:30", "2026-03-02", ".inf", "<<", "="))
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.none() | st.booleans() | numbers | texts | words
keys = texts | words


@settings(max_examples=150, deadline=None)
@given(
    title=texts | words,
    description=texts,
    benchmark=st.dictionaries(keys, values | st.lists(values, max_size=3), max_size=3),
    matrix=st.dictionaries(
        keys,
        st.lists(values, min_size=1, max_size=3)
        | st.dictionaries(keys, st.dictionaries(keys, values, max_size=2), min_size=1, max_size=2),
        max_size=3,
    ),
)
def test_what_is_written_reads_as_the_same(
    title: str, description: str, benchmark: dict[str, Any], matrix: dict[str, Any]
) -> None:
    given_one = Experiment.model_validate(
        BASE | {"title": title, "description": description, "benchmark": benchmark, "matrix": matrix}
    )
    again = parse(to_yaml(given_one))
    assert again == given_one
    assert list(again.matrix) == list(given_one.matrix), "the first axis is the slowest"


def test_a_file_is_written_as_a_person_would() -> None:
    experiment = Experiment.model_validate(
        BASE
        | {
            "description": "Why it is made,\nin two lines.\n",
            "where": {"kind": "cpu"},
            "benchmark": {"workload": "resnet18"},
            "matrix": {"layout": ["off", "2x3g.40gb"]},
            "labels": {"night": "7", "day": "2026-03-02"},
        }
    )
    assert to_yaml(experiment) == (
        "migperf: 1\n"
        "name: study\n"
        "description: |\n"
        "  Why it is made,\n"
        "  in two lines.\n"
        "where: {kind: cpu}\n"
        "benchmark: {workload: resnet18}\n"
        "matrix:\n"
        "  layout: ['off', 2x3g.40gb]\n"
        "labels: {night: '7', day: '2026-03-02'}\n"
    )


def test_what_comes_twice_is_written_twice() -> None:
    """Aliases are not read."""
    shared = {"batch_size": [1, 2]}
    experiment = Experiment.model_validate(BASE | {"benchmark": {"a": shared, "b": shared}})
    assert parse(to_yaml(experiment)) == experiment
