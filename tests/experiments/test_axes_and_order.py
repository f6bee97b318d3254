"""From a file to cells and their order: the whole product, nothing twice, and every mistake is named with its place."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.experiments.axes import expand, merged
from migperf.experiments.document import Experiment, Order, parse, validate
from migperf.experiments.errors import ExperimentError
from migperf.experiments.order import order_of

BASE = {"migperf": 1, "name": "test", "benchmark": {"workload": "test-step", "scenario": "offline"}}
SIZES = st.integers(1, 7)


def experiment(**more: object) -> Experiment:
    return validate({**BASE, **more})


@given(SIZES, SIZES)
def test_cells_are_the_product_of_the_axes_the_first_the_slowest(rows: int, columns: int) -> None:
    matrix = {"clients": list(range(1, rows + 1)), "benchmark.parameters.step_ms": list(range(columns))}
    cells = expand(experiment(matrix=matrix))
    assert [(c.coordinates["clients"], c.coordinates["step_ms"]) for c in cells] == [
        (row + 1, column) for row in range(rows) for column in range(columns)
    ]
    assert [c.number for c in cells] == list(range(rows * columns))
    for cell in cells:
        assert cell.settings.clients == cell.coordinates["clients"]
        assert cell.settings.benchmark["parameters"] == {"step_ms": cell.coordinates["step_ms"]}


def test_a_choice_is_merged_into_the_cell_and_leaves_the_rest_and_the_other_cells_alone() -> None:
    choices = {
        "small": {"benchmark": {"parameters": {"step_ms": 1}}},
        "large": {"benchmark": {"scenario": "train"}, "clients": 2},
    }
    shared = BASE["benchmark"] | {"parameters": {"step_ms": 5, "more": 1}}
    small, large = expand(experiment(benchmark=shared, matrix={"model": choices}))
    assert small.settings.benchmark["parameters"] == {"step_ms": 1, "more": 1}
    assert large.settings.benchmark["parameters"] == {"step_ms": 5, "more": 1}
    assert (small.settings.clients, large.settings.clients) == (1, 2)
    assert large.settings.benchmark["scenario"] == "train"


@given(st.dictionaries(st.text(max_size=2), st.integers() | st.dictionaries(st.text(max_size=2), st.integers())))
def test_merging_with_nothing_changes_nothing_and_with_itself_neither(document: dict[str, object]) -> None:
    assert merged(document, {}) == document
    assert merged(document, document) == document
    assert merged({}, document) == document


@pytest.mark.parametrize(
    ("more", "place", "says"),
    [
        (
            {"matrix": {f"benchmark.parameters.{axis}": list(range(15)) for axis in "abc"}},
            "matrix",
            "3375 cells are more than 2000",
        ),
        (
            {"matrix": {"benchmark.parameters.a": list(range(150))}, "clients": 2, "sharing": "pinned", "repeats": 70},
            "repeats",
            "21000 runs are more than 20000",
        ),
    ],
)
def test_more_than_can_be_stored_at_once_is_refused(more: dict[str, object], place: str, says: str) -> None:
    with pytest.raises(ExperimentError) as refused:
        expand(experiment(**more))
    assert place in refused.value.problems[0][0]
    assert says in refused.value.problems[0][1]


def test_excluded_cells_are_those_whose_coordinates_are_all_as_given() -> None:
    matrix = {"clients": [1, 2], "benchmark.parameters.step_ms": [1, 2]}
    cells = expand(experiment(matrix=matrix, exclude=[{"clients": 2, "step_ms": 1}]))
    assert [tuple(c.coordinates.values()) for c in cells] == [(1, 1), (1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"matrix": {"benchmrk.workload": ["a"]}}, "matrix.benchmrk.workload"),
        ({"matrix": {"clients": [0]}}, "matrix.clients (0).clients"),
        ({"matrix": {"model": {"a": {"unheard": 1}}}}, "matrix.model (a).unheard"),
        ({"exclude": [{"size": 1}]}, "exclude.0"),
        ({"exclude": [{}]}, "exclude.0"),
        ({"matrix": {"clients": [1]}, "exclude": [{"clients": 1}]}, "exclude"),
        ({"matrix": {axis: list(range(50)) for axis in ("benchmark.a", "benchmark.b")}}, "matrix"),
        ({"migperf": 2}, "migperf"),
        ({"repeats": 0}, "repeats"),
        ({"name": "No Name"}, "name"),
        ({"surprise": 1}, "surprise"),
        ({"partition": "3 slices"}, "partition"),
        ({"layout": "7g"}, "layout"),
    ],
)
def test_every_mistake_is_named_with_its_place(change: dict[str, object], place: str) -> None:
    with pytest.raises(ExperimentError) as raised:
        expand(experiment(**change))
    assert raised.value.problems[0][0] == place


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("a: 1\na: 2", "line 2, column 1", "'a' is there twice"),
        ("- 1", "", "valid dictionary"),
        ("", "", "valid dictionary"),
        ("repeats: .inf", "line 1, column 10", "no number"),
    ],
)
def test_a_file_that_holds_no_experiment_is_refused_with_the_place(text: str, place: str, told: str) -> None:
    with pytest.raises(ExperimentError, match=told) as raised:
        parse(text)
    assert raised.value.problems[0][0] == place


def test_dates_stay_text_as_json_has_none() -> None:
    assert parse("{migperf: 1, name: a, labels: {night: 2026-01-01}}").labels == {"night": "2026-01-01"}


@given(st.integers(0, 7), SIZES, st.sampled_from(Order), st.integers(0, 5))
def test_each_repeat_is_a_block_of_every_cell(cells: int, repeats: int, order: Order, seed: int) -> None:
    turns = order_of(cells, repeats, order, seed)
    for repeat in range(repeats):
        block = turns[repeat * cells : (repeat + 1) * cells]
        assert sorted(block) == [(cell, repeat) for cell in range(cells)]
    assert turns == order_of(cells, repeats, order, seed)


@given(st.integers(2, 8), st.integers(0, 5))
def test_alternated_cells_follow_and_stand_alike(cells: int, seed: int) -> None:
    rows = cells if cells % 2 == 0 else 2 * cells
    turns = order_of(cells, rows, Order.ALTERNATED, seed)
    blocks = [[cell for cell, _ in turns[row * cells : (row + 1) * cells]] for row in range(rows)]
    follows = Counter(pair for block in blocks for pair in pairwise(block))
    places = Counter((place, cell) for block in blocks for place, cell in enumerate(block))
    assert len(follows) == cells * (cells - 1)
    assert len(set(follows.values())) == 1
    assert len(places) == cells * cells
    assert len(set(places.values())) == 1


@given(st.integers(2, 8), st.integers(0, 5))
def test_two_alternated_repeats_balance_a_drift(cells: int, seed: int) -> None:
    turns = order_of(cells, 2, Order.ALTERNATED, seed)
    first, second = ([cell for cell, _ in turns[n * cells : (n + 1) * cells]] for n in range(2))
    assert second == first[::-1]


def test_shuffled_repeats_differ() -> None:
    turns = order_of(20, 3, Order.SHUFFLED, 1)
    blocks = [tuple(cell for cell, _ in turns[n * 20 : (n + 1) * 20]) for n in range(3)]
    assert len(set(blocks)) == 3
