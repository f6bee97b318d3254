"""Fields of a form made from a JSON Schema: one for each property, with all that keeps people from guessing."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import JsonValue

from migperf.cli.parameters import ParameterRow, parameter_rows, plain

Control = Literal["number", "text", "choice", "switch", "list"]
_UNIT = re.compile(r"\s*\((count|ratio|pixels|coefficient|per step|ms|s|MiB)\)")
"""How a description names the unit of a number."""
_SWITCH = re.compile(r"\s*\((switch|names?)\)")
_SUFFIXES = {"_s": "s", "_ms": "ms", "_hz": "Hz", "_per_s": "per s"}
_BOUNDS = {"min": "minimum", "max": "maximum", "step": "multipleOf"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One property of a schema, as a form asks for it."""

    path: str
    """Where it is in a request, such as ``parameters.batch_size``."""
    name: str
    control: Control
    row: ParameterRow
    """Its type, range and default as text."""
    unit: str
    description: str
    default: JsonValue
    required: bool
    nullable: bool
    choices: tuple[JsonValue, ...]
    bounds: Mapping[str, float | str]
    """``min``, ``max`` and ``step`` of a number."""
    value: JsonValue
    """What it begins with; None where it is left at its default."""
    given: bool
    """Whether it begins with a value of its own."""

    @property
    def id(self) -> str:
        """A name for elements of the page."""
        return self.path.replace(".", "-")

    @property
    def placeholder(self) -> str:
        """What stands in the field while it is empty."""
        return "required" if self.required else plain(self.default)

    @property
    def text(self) -> str:
        """What is in the field at the beginning."""
        if not self.given or self.value is None:
            return ""
        if isinstance(self.value, str) and (not self.value or self.value.startswith('"')):
            return json.dumps(self.value)
        return plain(self.value)

    @property
    def chosen(self) -> JsonValue:
        """What is chosen at the beginning, of a choice or a switch."""
        return self.value if self.given else self.default

    @property
    def can_be_none(self) -> bool:
        """Whether null is something else than leaving it out."""
        return self.nullable and self.default is not None


def form_fields(
    schema: Mapping[str, Any], part: str, given: Mapping[str, JsonValue], only: Collection[str] | None = None
) -> tuple[FormField, ...]:
    """Return the fields of a schema's properties, in their order; ``part`` is where they are in a request.

    ``given`` are values by name that they begin with; ``only`` names those that are wanted.
    """
    properties, required = schema.get("properties", {}), schema.get("required", ())
    return tuple(
        _field(row, properties[row.name], schema, part, given, required=row.name in required)
        for row in parameter_rows(schema)
        if only is None or row.name in only
    )


def _field(
    row: ParameterRow,
    one: Mapping[str, Any],
    root: Mapping[str, Any],
    part: str,
    given: Mapping[str, JsonValue],
    *,
    required: bool,
) -> FormField:
    options = [_resolved(option, root) for option in one.get("anyOf", [one])]
    kind = next((option for option in options if option.get("type") != "null"), {})
    control = _control(kind)
    unit = _unit(row) if control == "number" else ""
    return FormField(
        path=f"{part}.{row.name}" if part else row.name,
        name=row.name,
        control=control,
        row=row,
        unit=unit,
        description=_SWITCH.sub("", _UNIT.sub("", row.description, count=1)),
        default=one.get("default"),
        required=required,
        nullable=any(option.get("type") == "null" for option in options),
        choices=tuple(kind.get("enum", ())),
        bounds=_bounds(kind) if control == "number" else {},
        value=given.get(row.name),
        given=row.name in given,
    )


def _resolved(option: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = option.get("$ref")
    return option if reference is None else root["$defs"][reference.rpartition("/")[2]]


def _control(kind: Mapping[str, Any]) -> Control:
    if "enum" in kind:
        return "choice"
    controls: Mapping[str, Control] = {"boolean": "switch", "integer": "number", "number": "number", "array": "list"}
    return controls.get(str(kind.get("type")), "text")


def _unit(row: ParameterRow) -> str:
    told = _UNIT.search(row.description)
    if told is not None:
        return told[1]
    return next((unit for suffix, unit in reversed(_SUFFIXES.items()) if row.name.endswith(suffix)), "")


def _bounds(kind: Mapping[str, Any]) -> dict[str, float | str]:
    found: dict[str, float | str] = {attribute: kind[key] for attribute, key in _BOUNDS.items() if key in kind}
    return {"step": 1 if kind.get("type") == "integer" else "any"} | found
