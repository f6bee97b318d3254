"""A workload's parameters, given as JSON Schema, as rows that people can read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ParameterRow:
    """One parameter: its name, its type with the choices, its range, its default and what it means."""

    name: str
    type: str
    range: str
    default: str
    description: str


def parameter_rows(schema: Schema) -> list[ParameterRow]:
    """Return the parameters in their order."""
    required = set(schema.get("required", ()))
    return [_row(name, one, schema, required=name in required) for name, one in schema.get("properties", {}).items()]


def _row(name: str, parameter: Schema, root: Schema, *, required: bool) -> ParameterRow:
    options = [_resolved(option, root) for option in parameter.get("anyOf", [parameter])]
    return ParameterRow(
        name=name,
        type=" or ".join(_type(option, root) for option in options),
        range=", ".join(filter(None, map(_range, options))),
        default="required" if required else plain(parameter.get("default")),
        description=parameter.get("description", ""),
    )


def _resolved(schema: Schema, root: Schema) -> Schema:
    """Follow a reference into the schema's own definitions, keeping what stands beside it."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    name = reference.rpartition("/")[2]
    return {**schema, **cast("Schema", root["$defs"][name])}


def _type(schema: Schema, root: Schema) -> str:
    if "enum" in schema:
        return " | ".join(map(plain, schema["enum"]))
    if "const" in schema:
        return plain(schema["const"])
    if schema.get("type") == "array":
        return f"list of {_type(_resolved(schema.get('items', {}), root), root)}"
    return str(schema.get("type", "any"))


def _range(schema: Schema) -> str:
    bounds = [
        f"{sign} {schema[key]:g}"
        for key, sign in (("exclusiveMinimum", ">"), ("minimum", "≥"), ("exclusiveMaximum", "<"), ("maximum", "≤"))
        if key in schema
    ]
    if "minimum" in schema and "maximum" in schema:
        bounds = [f"{schema['minimum']} to {schema['maximum']}"]
    if "multipleOf" in schema:
        bounds.append(f"multiple of {schema['multipleOf']:g}")
    if "minItems" in schema:
        bounds.append(f"{schema['minItems']} or more")
    return ", ".join(bounds)


def plain(value: object) -> str:
    """Return a JSON value as one would type it."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case list():
            return ", ".join(map(plain, value))
    return str(value)
