"""Text in CSV is never taken for a formula, and comes back as it was."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.analysis.csv_text import guarded
from migperf.analysis.experiments.tidy import to_csv

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
texts = st.one_of(st.text(), st.builds("{}{}".format, st.sampled_from((*FORMULAS, "'")), st.text()))


@given(st.lists(st.none() | texts, min_size=1), st.booleans())
def test_text_begins_like_no_formula_and_comes_back_without_its_apostrophe(
    given_texts: list[str | None], coded: bool
) -> None:
    column = pa.chunked_array([given_texts], pa.string())
    table = pa.table({"text": column.dictionary_encode() if coded else column})
    found = guarded(table)["text"].to_pylist()
    assert not any(cell.startswith(FORMULAS) for cell in found if cell is not None)
    assert [cell if cell is None else cell.removeprefix("'") for cell in found] == given_texts


def test_harmless_text_and_numbers_are_left_alone() -> None:
    table = pa.table({"a": ["x=1", "", None, " -"], "b": [-1, 2, None, 4], "c": [-0.5, None, 1e-9, 3.0]})
    assert guarded(table).equals(table)


@pytest.mark.parametrize("formula", ["=1+1", '=HYPERLINK("http://example.org")', "@SUM(A1)", "-2+3|cmd"])
def test_the_coordinates_of_an_experiment_are_no_formulas_either(formula: str) -> None:
    heading, row = to_csv(pa.table({formula: [formula]})).decode().splitlines()
    assert heading.startswith("\"'")
    assert row.startswith("\"'")
