"""Whatever a file holds, reading it either tells what it says or raises the one error; own formats lose nothing."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from migperf.histories.importing.errors import ImportingError
from migperf.histories.importing.reading import FileFormat, read
from migperf.measure.benchmark import Benchmark
from tests.histories.imported_files import google_benchmark, histories, local_run, pytest_benchmark

BENCHMARK = Benchmark.model_validate({"workload": "test-step", "scenario": "train"})
SOME = settings(max_examples=60, deadline=None)
TEXTS = st.text(max_size=20) | st.sampled_from(["\0", "\ud800", "2026-03-02T12:00:00Z", "lower", "9" * 400])
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.just(10**308 * 9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)
DOCUMENTS = (pytest_benchmark(rounds=[0.001] * 30), google_benchmark(), histories([1.0, 2.0]), local_run(BENCHMARK))
TIMES = st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
VALUES = st.floats(min_value=1e-300, max_value=1e300)
NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)


def read_or_refuse(text: str, file_format: FileFormat | None = None) -> None:
    try:
        found = read(text, file_format)
    except ImportingError:
        return
    assert any(history.points or history.left_out for history in found)


def _places(part: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    return [here, *(place for key, child in inner for place in _places(child, (*here, key)))]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A file of which one part is something else."""
    document = json.loads(json.dumps(draw(st.sampled_from(DOCUMENTS))))
    place = draw(st.sampled_from(_places(document)[1:]))
    part = document
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = draw(ANY_JSON)
    return json.dumps(document)


@SOME
@given(st.text() | ANY_JSON.map(json.dumps), st.none() | st.sampled_from(FileFormat))
def test_garbage_raises_nothing_but_the_one_error(text: str, file_format: FileFormat | None) -> None:
    read_or_refuse(text, file_format)


@settings(max_examples=150, deadline=None)
@given(damaged())
def test_a_file_with_one_damaged_part_raises_nothing_but_the_one_error(text: str) -> None:
    read_or_refuse(text)


@SOME
@given(st.lists(st.lists(TEXTS, min_size=6, max_size=6), max_size=3))
def test_a_table_of_garbage_raises_nothing_but_the_one_error(rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([["time", "benchmark", "metric", "value", "unit", "better"], *rows])
    read_or_refuse(text.getvalue())


@SOME
@given(NAMES, st.dictionaries(TIMES, VALUES, min_size=1, max_size=5))
def test_a_table_loses_nothing(name: str, values: dict[datetime, float]) -> None:
    text = io.StringIO()
    rows = [[at.isoformat(), name, "m", repr(value), "s", "lower"] for at, value in values.items()]
    csv.writer(text).writerows([["time", "benchmark", "metric", "value", "unit", "better"], *rows])
    (found,) = read(text.getvalue())
    assert found.name == name
    assert {point.at: point.figures["m"].value for point in found.points} == values


@SOME
@given(NAMES, st.dictionaries(TIMES, VALUES, min_size=1, max_size=5), st.dictionaries(NAMES, NAMES, max_size=3))
def test_own_format_loses_nothing(name: str, values: dict[datetime, float], facts: dict[str, str]) -> None:
    document = histories([], name=name, hardware=facts)
    document["histories"][0]["points"] = [
        {"time": at.isoformat(), "figures": {"latency": {"value": value}}, "environment": facts}
        for at, value in values.items()
    ]
    (found,) = read(json.dumps(document))
    assert (found.name, found.hardware) == (name, facts)
    assert {point.at: point.figures["latency"].value for point in found.points} == values
    assert all(point.environment == facts for point in found.points)
