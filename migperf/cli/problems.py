"""Errors as people read them: one clear line or a short list on standard error, and the exit status."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.text import Text

from migperf.cli.output import err
from migperf.errors import ConfigurationError, MigperfError

if TYPE_CHECKING:
    from pydantic import ValidationError

    from migperf.client import FieldProblem

FAILED, USAGE = 1, 2
_KEY_REMEDIES = {
    "AuthenticationError": ("Put a key into MIGPERF_API_KEY, or give --api-key; `migperf keys create` makes one.",),
    "PermissionDeniedError": ("`migperf whoami` shows what the key allows.",),
}
"""By the names of the client's errors: this module is there before the client is."""
_UNKNOWN_FIELD = "Extra inputs are not permitted"


class UsageProblem(MigperfError):  # noqa: N818 - it is the user's, not the program's
    """What was asked for cannot be done as it was put; the message says what could, ``details`` are lines below it."""

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.details = tuple(details)


class InvalidRequestError(MigperfError):
    """A request that its own validation refuses; ``problems`` names the fields."""

    def __init__(self, problems: Sequence["FieldProblem"], workload: str | None) -> None:
        super().__init__("the request is not valid")
        self.problems = tuple(problems)
        self.workload = workload

    @classmethod
    def of(cls, error: "ValidationError", workload: str | None) -> "InvalidRequestError":
        """Return the error for what Pydantic found."""
        from migperf.client import FieldProblem

        found = [
            FieldProblem(field=".".join(map(str, e["loc"])), detail=e["msg"], given=_sayable(e["input"]))
            for e in error.errors()
        ]
        return cls(found, workload)


@dataclass(frozen=True, slots=True)
class Presented:
    """An error for people: a headline, details below it, and the exit status."""

    headline: str
    details: tuple[str, ...] = ()
    status: int = FAILED
    remedies: tuple[str, ...] = field(default=())


def report(error: Exception) -> int:
    """Print an error on standard error and return the exit status."""
    presented = present(error)
    console = err()
    headline = Text.assemble(("error: ", "bold red"), (presented.headline, "red"))
    console.print(headline, soft_wrap=True)
    for line in presented.details:
        console.print(Text(f"  {line}", "red"), soft_wrap=True)
    for line in presented.remedies:
        console.print(Text(line), soft_wrap=True)
    return presented.status


def present(error: Exception) -> Presented:
    """Return what to say about an error, whatever it is."""
    from migperf.client.errors import CannotCheckError, CannotConfirmError, RequestRefusedError

    match error:
        case InvalidRequestError():
            return _invalid("this cannot be run", error.problems, error.workload)
        case RequestRefusedError() if error.errors:
            return _invalid("the service refuses the request", error.errors, None)
        case UsageProblem() | ConfigurationError() | RequestRefusedError() | CannotConfirmError() | CannotCheckError():
            details = error.details if isinstance(error, UsageProblem) else ()
            return Presented(str(error), details, status=USAGE)
        case MigperfError():
            return Presented(str(error), remedies=_KEY_REMEDIES.get(type(error).__name__, ()))
        case OSError():
            return Presented(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))
    return Presented(
        f"{type(error).__name__}: {error}",
        remedies=("That is a fault in migperf. `migperf --debug …` shows where it happened.",),
    )


def _invalid(headline: str, problems: Sequence["FieldProblem"], workload: str | None) -> Presented:
    return Presented(
        headline,
        details=tuple(_line(problem, workload) for problem in problems),
        status=USAGE,
        remedies=tuple(_remedies(problems, workload)),
    )


def _line(problem: "FieldProblem", workload: str | None) -> str:
    if problem.detail == _UNKNOWN_FIELD:
        return f"{problem.field}: there is no such field{_nearest(problem.field, workload)}"
    given = "" if problem.given is None or isinstance(problem.given, dict | list) else f" = {problem.given}"
    detail = problem.detail.removeprefix("Value error, ")
    return f"{problem.field}{given}: {detail[:1].lower()}{detail[1:]}"


def _nearest(path: str, workload: str | None) -> str:
    *above, name = path.split(".")
    known = _known_fields(above, workload)
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; there are {', '.join(known)}" if known else ""


def _known_fields(above: Sequence[str], workload: str | None) -> list[str]:
    """Return the fields that there are beside an unknown one, as far as this installation knows them."""
    from migperf.gpus.selector import Selector
    from migperf.measure.benchmark import Method
    from migperf.store.requests import RunRequest
    from workloads.registry import catalogue

    match above:
        case []:
            return list(RunRequest.model_fields)
        case ["method"]:
            return list(Method.model_fields)
        case ["where"]:
            return list(Selector.model_fields)
        case ["parameters"] if workload is not None and workload in catalogue():
            return list(catalogue()[workload].parameters.model_fields)
    return []


def _remedies(problems: Sequence["FieldProblem"], workload: str | None) -> Iterator[str]:
    if any(problem.field.startswith("parameters") for problem in problems):
        yield f"`migperf workloads {workload or 'NAME'}` lists the parameters with their ranges and defaults."


def _sayable(given: object) -> str | int | float | bool | None:
    return given if isinstance(given, str | int | float | bool) else None
