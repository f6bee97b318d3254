"""The form of a demand: what stands in its fields, and the demand that this makes.

A field has the name that its place in a demand has, such as ``services.0.rate_per_s``. So an address, a form that is
sent and a problem speak of the same. Pure.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Any, Self
from urllib.parse import urlencode

import typer
from pydantic import JsonValue

from api.demand_fields import PARTS, WHOLE, Asked
from migperf.analysis.advisor.demand import AT_HAND
from migperf.cli.options import parse_values

MOST_ROWS = 256
"""Of a part. A demand may have more figures given by hand; such a one is no matter for a form, but for a file."""
_LONGEST_PARAMETERS = 4000
_FIELD = re.compile(rf"({'|'.join(PARTS)})\.(\d{{1,5}})\.(.+)")
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,30})(\.\d{1,30})?([eE][+-]?\d{1,3})?")
_BETWEEN_PARAMETERS = re.compile(r"[\s,]+(?=[A-Za-z_]\w*=)")

Row = Mapping[str, str]
"""What stands in the fields of a row, by their paths within it."""


@dataclass(frozen=True, slots=True)
class DemandForm:
    """What stands in the fields. Texts are as they were entered; those at their default are empty."""

    rows: Mapping[str, tuple[Row, ...]]
    """By the name of a part."""
    whole: Row
    too_long: tuple[str, ...] = ()
    """Parts that have more rows than the form holds; those beyond are left out."""

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """Read names and texts, as an address or a form that was sent has them; names of no field are left out."""
        texts = dict(pairs)
        found: dict[str, dict[int, dict[str, str]]] = {name: {} for name in PARTS}
        for name, text in texts.items():
            if (field := _FIELD.fullmatch(name)) is not None:
                found[field[1]].setdefault(int(field[2]), {})[field[3]] = text
        return cls(
            {name: tuple(row_of(name, rows[at]) for at in sorted(rows)[:MOST_ROWS]) for name, rows in found.items()},
            {one.path: _kept(one, texts.get(one.path, "")) for one in WHOLE},
            tuple(name for name, rows in found.items() if len(rows) > MOST_ROWS),
        )

    def with_row(self, part: str, row: Row) -> Self:
        """Return the form with one more row, in the place of the last one if nothing stands in that.

        A name that is taken already is made another one.
        """
        rows = self.rows[part]
        before = rows[:-1] if rows and row and not any(rows[-1].values()) else rows
        named = {**row, "name": _free_name(row["name"], self.names)} if row.get("name") else row
        return self._with(part, (*before, row_of(part, named)))

    def without_row(self, part: str, at: int) -> Self:
        """Return the form without a row."""
        return self._with(part, tuple(row for number, row in enumerate(self.rows[part]) if number != at))

    def with_rows(self, part: str, rows: Iterable[Row]) -> Self:
        """Return the form with other rows in a part."""
        return self._with(part, tuple(row_of(part, row) for row in rows))

    def with_text(self, name: str, text: str) -> Self:
        """Return the form with another text in a field that a demand has once."""
        return replace(self, whole={**self.whole, name: text})

    def _with(self, part: str, rows: tuple[Row, ...]) -> Self:
        return replace(self, rows={**self.rows, part: rows})

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the services and jobs."""
        found = (row.get("name", "") for part in ("services", "training") for row in self.rows[part])
        return tuple(dict.fromkeys(name for name in found if name))

    @property
    def workloads(self) -> frozenset[str]:
        """The names of the workloads that it asks about."""
        rows = (row for part in ("services", "training") for row in self.rows[part])
        return frozenset(name for row in rows if (name := row["benchmark.workload"]))

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield names and texts as an address has them: without what is empty, but for the first field of a row."""
        for part, rows in self.rows.items():
            first = PARTS[part].fields[0].path
            for number, row in enumerate(rows):
                yield from ((f"{part}.{number}.{path}", text) for path, text in row.items() if text or path == first)
        yield from ((path, text) for path, text in self.whole.items() if text)

    def query(self) -> str:
        """Return it as the query of an address."""
        return urlencode(tuple(self.pairs()))

    def demand(self) -> dict[str, JsonValue]:
        """Return the demand that it makes, as a document; it may be one that would be refused."""
        made: dict[str, JsonValue] = {"migperf": 1, "gpus": [*map(_gpu, self.rows["gpus"])] or AT_HAND}
        made |= _values(WHOLE, self.whole)
        for part in ("services", "training", "measured", "interference"):
            if self.rows[part]:
                made[part] = [_value_of_row(part, row) for row in self.rows[part]]
        return made


def row_of(part: str, texts: Mapping[str, str]) -> Row:
    """Return a row of a part with these texts, and nothing in its other fields."""
    return {one.path: _kept(one, texts.get(one.path, "")) for one in PARTS[part].fields}


def _free_name(wanted: str, taken: Collection[str]) -> str:
    numbered = (f"{wanted}-{number}" for number in count(2))
    return next(name for name in chain((wanted,), numbered) if name not in taken)


def form_of(demand: Mapping[str, Any]) -> DemandForm:
    """Return the form in which a demand stands, given as a document."""
    return DemandForm.of(_texts(demand))


def parameters_text(parameters: Mapping[str, JsonValue]) -> str:
    """Return parameters as their field has them: ``batch_size=1 optimizer=sgd``."""
    return " ".join(f"{name}={_value_text(name, value)}" for name, value in parameters.items())


def _texts(demand: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for one in WHOLE:
        yield one.path, _text(one, demand.get(one.path))
    for name, part in PARTS.items():
        rows = demand.get(name, ())
        for number, row in enumerate(() if rows == AT_HAND else rows):
            yield from ((f"{name}.{number}.{one.path}", _text(one, _at(row, one.path))) for one in part.fields)


def _at(row: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 - any JSON
    found: Any = row
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _text(one: Asked, value: Any) -> str:  # noqa: ANN401 - any JSON
    if value is None:
        return ""
    if one.control == "parameters":
        return parameters_text(value)
    if one.control == "switch":
        return "on" if value else ""
    return str(value)


def _kept(one: Asked, text: str) -> str:
    """Return a text without what says nothing: blanks around it, and a default that would be chosen without it."""
    stripped = text.replace("\0", "").strip()
    return "" if one.control == "choice" and stripped == one.default else stripped


def _gpu(row: Row) -> JsonValue:
    return _value_of_row("gpus", row)


def _value_of_row(part: str, row: Row) -> JsonValue:
    made = _values(PARTS[part].fields, row)
    match made:
        case {"latency": dict() as latency} if {"limit_ms", "ms"}.isdisjoint(latency):
            return {name: value for name, value in made.items() if name != "latency"}
        case {"latency": dict() as latency} if "statistic" not in latency:
            statistic = next(one.default for one in PARTS[part].fields if one.path == "latency.statistic")
            return {**made, "latency": {"statistic": statistic, **latency}}
    return made


def _values(fields: Iterable[Asked], row: Row) -> dict[str, JsonValue]:
    """Return what is said in a row, each value at its path."""
    made: dict[str, Any] = {}
    for one in fields:
        if text := row[one.path]:
            *above, name = one.path.split(".")
            inner = made
            for each in above:
                inner = inner.setdefault(each, {})
            inner[name] = _value(one, text)
    return made


def _value(one: Asked, text: str) -> JsonValue:
    """Return the value of a text. One that cannot be read stays a text, so that the demand's own check refuses it."""
    match one.control:
        case "number":
            return json.loads(text) if _NUMBER.fullmatch(text) else text
        case "switch":
            return True
        case "parameters":
            return _parameters(text)
    return text


def _parameters(text: str) -> JsonValue:
    if len(text) > _LONGEST_PARAMETERS:
        return text
    try:
        return parse_values(_BETWEEN_PARAMETERS.split(text), "")
    except (typer.BadParameter, RecursionError):
        return text


def _value_text(name: str, value: JsonValue) -> str:
    """Return a value as it is read again: a text as it is, unless it would be taken for something else."""
    if isinstance(value, str) and value and _parameters(f"{name}={value}") == {name: value}:
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
