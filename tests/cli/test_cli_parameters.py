"""JSON Schema as rows that people can read."""

from typing import Literal

from pydantic import BaseModel, Field

from migperf.cli.parameters import parameter_rows
from workloads.registry import catalogue


class _Everything(BaseModel):
    needed: int = Field(gt=0, description="What it is.")
    ratio: float | None = Field(default=None, ge=0, lt=1)
    size: int = Field(default=224, ge=32, le=1024, multiple_of=16)
    kind: Literal["a", "b"] = "a"
    fixed: Literal["x"] = "x"
    many: list[int] = Field(default=[1, 2], min_length=1)
    free: object = None


def test_types_ranges_and_defaults_are_told() -> None:
    rows = {row.name: (row.type, row.range, row.default) for row in parameter_rows(_Everything.model_json_schema())}
    assert rows == {
        "needed": ("integer", "> 0", "required"),
        "ratio": ("number or null", "≥ 0, < 1", "null"),
        "size": ("integer", "32 to 1024, multiple of 16", "224"),
        "kind": ("a | b", "", "a"),
        "fixed": ("x", "", "x"),
        "many": ("list of integer", "1 or more", "1, 2"),
        "free": ("any", "", "null"),
    }


def test_every_parameter_of_every_workload_has_a_type_and_a_meaning() -> None:
    for card in catalogue().values():
        for row in parameter_rows(card.parameters.model_json_schema()):
            assert row.type not in ("", "any"), (card.name, row.name)
            assert row.description, (card.name, row.name)
