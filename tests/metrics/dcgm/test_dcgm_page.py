"""What a dcgm-exporter's page says is read as it is: by GPU and GPU instance, in DCGM's units, blanks as blanks."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.metrics.dcgm.fields import NAMES
from migperf.metrics.dcgm.page import Entity, PageError, blank, parse
from tests.metrics.dcgm.pages import A30, A100, Labels, a30, a100_in_seven, merged, page, whole_a100

GRACT = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
ENERGY = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"


def test_a_row_without_an_instance_is_the_whole_gpu() -> None:
    rows = parse(merged(whole_a100(), a30()), [A100, A30]).rows
    assert rows[Entity(A100)][GRACT] == 0.9125
    assert rows[Entity(A30)][GRACT] == 0.33


def test_rows_of_instances_are_kept_apart() -> None:
    rows = parse(merged(a100_in_seven()), [A100]).rows
    assert {entity: values[GRACT] for entity, values in rows.items()} == {
        Entity(A100, instance): instance / 100 for instance in range(7, 14)
    }


def test_a_counter_keeps_its_name() -> None:
    assert parse(merged(whole_a100()), [A100]).rows[Entity(A100)][ENERGY] == 5912345678


def test_only_the_gpus_that_are_wanted_are_kept_but_every_field_is_known() -> None:
    read = parse(merged(whole_a100(), a30()), [A30])
    assert set(read.rows) == {Entity(A30)}
    assert read.names == NAMES & set(whole_a100())


def test_a_board_that_is_cut_is_read_from_the_rows_of_its_instances() -> None:
    read = parse(merged(a100_in_seven()), [A100])
    assert read.of_board(A100)["DCGM_FI_DEV_POWER_USAGE"] == 214.5


def test_a_boards_own_row_goes_before_those_of_its_instances() -> None:
    power = "DCGM_FI_DEV_POWER_USAGE"
    rows = [(Labels(instance=1), 1), (Labels(), 2), (Labels(instance=2), 3)]
    assert parse(page({power: rows}), [A100]).of_board(A100)[power] == 2


def test_the_old_names_of_labels_are_understood() -> None:
    assert parse(page({GRACT: [(Labels(uuid_label="uuid"), "0.5")]}), [A100]).rows[Entity(A100)][GRACT] == 0.5


@pytest.mark.parametrize("word", ["<<<NULL>>>", "<<<NOT_SUPPORTED>>>", "ERROR - FAILED TO CONVERT TO STRING"])
def test_a_word_in_place_of_a_value_spoils_no_other_row(word: str) -> None:
    values = parse(merged(whole_a100({GRACT: word})), [A100]).rows[Entity(A100)]
    assert math.isnan(values[GRACT])
    assert values["DCGM_FI_PROF_SM_ACTIVE"] == 0.75


def test_a_blank_in_a_label_is_no_blank_value() -> None:
    labels = Labels(instance=3, profile="<<<NULL>>>")
    assert parse(page({GRACT: [(labels, "0.5")]}), [A100]).rows[Entity(A100, 3)][GRACT] == 0.5


@pytest.mark.parametrize("base", ["2147483632", "9223372036854775792", "140737488355328.000000"])
def test_every_blank_of_dcgm_is_recognised(base: str) -> None:
    exact = float(base) if "." in base else int(base)
    for offset, word in enumerate(["blank", "not found", "not supported", "not permitted"]):
        values = parse(merged(whole_a100({GRACT: str(exact + offset)})), [A100]).rows[Entity(A100)]
        assert blank(values[GRACT]) == word


def test_a_blank_that_went_through_floating_point_is_recognised() -> None:
    values = parse(merged(whole_a100({GRACT: "9.223372036854775807e+18"})), [A100]).rows[Entity(A100)]
    assert blank(values[GRACT]) == "blank"


@given(st.floats(0, 1) | st.integers(0, 2**31 - 17))
def test_what_can_be_measured_is_no_blank(value: float) -> None:
    assert blank(value) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (merged(whole_a100())[:-5], "breaks off"),
        ("<html><body>Bad gateway</body></html>\n", "no metrics of DCGM"),
        ("# TYPE go_goroutines gauge\ngo_goroutines 12\n", "no metrics of DCGM"),
        (f'{GRACT}{{UUID="{A100}"}} zero\n', "cannot be read"),
        (f'{GRACT}{{UUID="{A100} 0.5\n', "cannot be read"),
    ],
)
def test_what_is_no_whole_page_is_refused(text: str, reason: str) -> None:
    with pytest.raises(PageError, match=reason):
        parse(text, [A100])
