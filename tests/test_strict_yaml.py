"""YAML that people write: what JSON has is read as it was written; what could be misread is refused with its place."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from migperf.strict_yaml import MAX_CHARACTERS, StrictYamlError, read_yaml

KEYS = st.text(min_size=1, max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_what_json_has_comes_back_as_it_was_written(document: object) -> None:
    assert read_yaml(yaml.safe_dump(document)) == document


@given(st.dictionaries(KEYS, st.integers(), min_size=1, max_size=5), st.data())
def test_a_key_that_comes_twice_is_refused_at_its_second_place(document: dict[str, int], data: st.DataObject) -> None:
    lines = [f"{json.dumps(key)}: {value}" for key, value in document.items()]
    twice = data.draw(st.integers(0, len(lines) - 1))
    with pytest.raises(StrictYamlError, match="is there twice") as raised:
        read_yaml("\n".join([*lines, lines[twice]]))
    assert raised.value.place == f"line {len(lines) + 1}, column 1"


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("a: [1", "line 1, column 6", "this is not YAML"),
        ("a: 1\nb:\n  c: 1\n  c: 2", "line 4, column 3", "the key 'c' is there twice"),
        ("1: a\n1: b", "line 2, column 1", "the key 1 is there twice"),
        ("? [a]\n: 1", "line 1, column 3", "a key is a text or a number"),
        ("a: !!python/object:os.system x", "line 1, column 4", "could not determine a constructor"),
        ("a: &x [1]\nb: *x", "line 2, column 4", "aliases are not read"),
        ("repeats: .inf", "line 1, column 10", "no number"),
        ("a: [.nan]", "line 1, column 5", "no number"),
        ("a: 1\nb: x\x07y", "line 2, column 5", "the character #x0007 may not be there"),
        ("--- 1\n--- 2", "line 2, column 1", "found another document"),
        ("a: " + MAX_CHARACTERS * "x", "", f"more than the {MAX_CHARACTERS}"),
        ("[" * 20_000, "", "this is not YAML"),
    ],
)
def test_what_is_refused_names_line_and_column(text: str, place: str, told: str) -> None:
    with pytest.raises(StrictYamlError) as raised:
        read_yaml(text)
    assert raised.value.place == place
    assert told in raised.value.problem
    assert str(raised.value).startswith(place)


def test_dates_stay_text_as_json_has_none() -> None:
    assert read_yaml("{night: 2026-01-01, at: 2026-01-01T12:00:00Z}") == {
        "night": "2026-01-01",
        "at": "2026-01-01T12:00:00Z",
    }
