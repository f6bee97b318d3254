"""What is wrong with a demand, each problem at the field of the form that it belongs to."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue, ValidationError
from sqlalchemy.orm import Session

from api.demand_fields import PARTS, WHOLE
from api.demand_form import MOST_ROWS, DemandForm
from migperf.analysis.advisor.asked_boards import asked_boards
from migperf.analysis.advisor.boards import BoardStock, named_stock
from migperf.analysis.advisor.demand import Demand, GpuStock
from migperf.analysis.advisor.errors import AdviceError
from migperf.analysis.advisor.table import table_of
from migperf.errors import remedy

MOST_PROBLEMS = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and the field, row or part of the form that it is shown at; empty: none."""

    field: str
    text: str
    missing: bool = False
    """Whether nothing stands in the field yet: nobody is told so before they ask."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A demand that can be answered, or what keeps it from that."""

    demand: Demand | None
    boards: tuple[BoardStock, ...]
    problems: tuple[Problem, ...]


def checked(session: Session, form: DemandForm, document: Mapping[str, JsonValue]) -> Checked:
    """Check the demand of a form, all but for what is known of it."""
    fields = _fields(form)
    too_long = [
        Problem(part, f"more than {MOST_ROWS} rows are no matter for a form; send them as a file: migperf advise FILE")
        for part in form.too_long
    ]
    try:
        demand = Demand.model_validate(document)
    except ValidationError as error:
        found = (*_problems(error.errors()[:MOST_PROBLEMS], fields), *_of_boards(document, fields))
        return Checked(None, (), (*too_long, *found))
    try:
        boards = asked_boards(session, demand)
        table_of(demand, boards, {})
    except AdviceError as error:
        return Checked(None, (), (*too_long, _problem(error.where, str(error), fields)))
    return Checked(None if too_long else demand, boards, tuple(too_long))


def _of_boards(document: Mapping[str, JsonValue], fields: Collection[str]) -> Iterator[Problem]:
    """Yield what is wrong with boards that are sound by themselves, while something else is wrong with the demand."""
    rows = document["gpus"]
    try:
        named_stock([GpuStock.model_validate(row) for row in rows] if isinstance(rows, list) else ())
    except ValidationError:
        return  # told already
    except AdviceError as error:
        yield _problem(error.where, str(error), fields)


def _fields(form: DemandForm) -> Collection[str]:
    return {
        *PARTS,
        *(one.path for one in WHOLE),
        *(f"{part}.{at}" for part, rows in form.rows.items() for at, _ in enumerate(rows)),
        *(f"{part}.{at}.{path}" for part, rows in form.rows.items() for at, row in enumerate(rows) for path in row),
    }


def _problems(errors: Iterable[Mapping[str, Any]], fields: Collection[str]) -> Iterator[Problem]:
    for error in errors:
        yield _problem(error["loc"], _said(error), fields, missing=error["type"] == "missing")


def _said(error: Mapping[str, Any]) -> str:
    """Return what is wrong, in the words of somebody who fills in a form where those of a document are others."""
    if error["loc"][-1:] == ("parameters",) and isinstance(error["input"], str):
        return "write name=value, several with spaces between"
    return {"float_parsing": "write a number", "int_parsing": "write a whole number"}.get(error["type"]) or remedy(
        error
    )


def _problem(where: tuple[str | int, ...], text: str, fields: Collection[str], *, missing: bool = False) -> Problem:
    """Return a problem at the longest beginning of its place that is a field; what follows is said with it."""
    parts = tuple(map(str, where))
    ends = (end for end in range(len(parts), 0, -1) if ".".join(parts[:end]) in fields)
    end = next(ends, 0)
    rest = ".".join(parts[end:])
    return Problem(".".join(parts[:end]), f"{rest}: {text}" if rest else text, missing)
