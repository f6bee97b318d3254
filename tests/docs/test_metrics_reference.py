"""The reference of metrics lists every quantity that the catalogue has, as the catalogue says it."""

from pathlib import Path

from migperf.metrics import catalogue
from migperf.metrics.metric import Quantity

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"


def row(quantity: Quantity) -> str:
    unit = "–" if quantity.unit == "1" else quantity.unit
    return f"| `{quantity.name}` | {unit} | {quantity.kind} | {quantity.meaning} |"


def test_every_quantity_has_its_row_and_no_row_is_left_over() -> None:
    quantities = [value for value in vars(catalogue).values() if isinstance(value, Quantity)]
    listed = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert sorted(listed) == sorted(map(row, quantities))


def test_no_two_quantities_share_a_name() -> None:
    names = [value.name for value in vars(catalogue).values() if isinstance(value, Quantity)]
    assert len(names) == len(set(names))
