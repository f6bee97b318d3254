"""A request as one would send it without the form: by curl, by the command line, by the Python client. Pure.

Each text says the same request, whatever is in it: what a shell or Python would take for something else is quoted.
"""

import json
import math
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from pydantic import JsonValue

from migperf.cli.options import parse_values
from migperf.experiments.writing import write_yaml
from migperf.gpus.selector import parse_conditions
from migperf.measure.search import MaxBatch
from migperf.store.requests import RunRequest

Request = Mapping[str, JsonValue]
_CONTINUED = " \\\n  "
_FIELDS_OF_OPTIONS = frozenset(RunRequest.model_fields) - {"layout", "restore_layout"}
"""What ``migperf submit`` has options for; the rest it reads from a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Equivalents:
    """The body of the request, and the three ways of sending it."""

    body: str
    curl: str
    cli: str
    python: str

    @classmethod
    def of(cls, request: Request, url: str) -> Self:
        """Return them for a request that would be taken, as short as it can be, and the URL of the service."""
        body = json.dumps(request, ensure_ascii=False)
        return cls(
            body=body,
            curl=_curl(body, f"{url}/v1/runs"),
            cli=_cli(request, body, url),
            python=_python(_SUBMITTED, request, url),
        )

    @classmethod
    def of_demand(cls, demand: Request, url: str) -> Self:
        """Return them for a demand on the advisor that would be answered, and the URL of the service."""
        body = json.dumps(demand, ensure_ascii=False)
        return cls(
            body=body,
            curl=_curl(body, f"{url}/v1/advice"),
            # No line of the file is this word: what is in a text of several lines is indented.
            cli=f"migperf advise - --url {shlex.quote(url)} <<'DEMAND'\n{write_yaml(demand)}DEMAND\n",
            python=_python(_ADVISED, demand, url),
        )


def _curl(body: str, url: str) -> str:
    lines = (
        f"curl {shlex.quote(url)}",
        "-H 'Content-Type: application/json'",
        f"-d {shlex.quote(body)}",
    )
    return _CONTINUED.join(lines)


def _cli(request: Request, body: str, url: str) -> str:
    at = f"--url {shlex.quote(url)}"
    options = _options(request)
    if options is None:
        return f"printf %s {shlex.quote(body)} |{_CONTINUED}migperf submit --file - {at}"
    pieces = [f"migperf submit {shlex.quote(str(request['workload']))}", *options, at]
    return _CONTINUED.join(pieces)


def _options(request: Request) -> list[str] | None:
    """Return the options that say the request, one a piece; None where there are none for something in it."""
    try:
        return [f"{option} {shlex.quote(text)}" if text else option for option, text in _pairs(request)]
    except _NoOptionError:
        return None


class _NoOptionError(Exception):
    """Something in a request cannot be said by options."""


def _pairs(request: Request) -> Iterator[tuple[str, str]]:
    """Yield each option with its value, empty for a switch. Raises _NoOptionError."""
    for name, value in request.items():
        match name, value:
            case "workload", _:
                pass
            case "parameters" | "method" | "load", dict():
                option = {"parameters": "-p", "method": "-m", "load": "--load"}[name]
                yield from ((option, _value_pair(key, one)) for key, one in value.items())
            case "engine", dict():
                yield from _engine(value)
            case "search", dict():
                yield _search(value)
            case "where", dict():
                yield "--where", _conditions(value)
            case "labels", dict():
                yield from (("--label", f"{key}={one}") for key, one in value.items())
            case _:
                yield _plain(name, value)


def _plain(name: str, value: JsonValue) -> tuple[str, str]:
    """Return the option of a field that is one value. Raises _NoOptionError."""
    match name, value:
        case "profile", True:
            return "--profile", ""
        case "in_history", False:
            return "--not-in-history", ""
    if name not in _FIELDS_OF_OPTIONS:
        raise _NoOptionError(name)
    return f"--{name.replace('_', '-')}", str(value)


def _value_pair(name: str, value: JsonValue) -> str:
    """Return ``name=value`` as options are read: text as it is, unless it would be taken for JSON."""
    plain = f"{name}={value}"
    if isinstance(value, str) and parse_values([plain], "") == {name: value}:
        return plain
    return f"{name}={json.dumps(value, ensure_ascii=False, separators=(',', ':'))}"


def _engine(engine: Request) -> Iterator[tuple[str, str]]:
    for name, option in (("runtime", "--engine"), ("precision", "--precision")):
        if name in engine:
            yield option, str(engine[name])
    if engine.get("channels_last"):
        yield "--channels-last", ""


def _search(search: Request) -> tuple[str, str]:
    match search:
        case {"kind": "max_batch"}:
            return "--max-batch", str(search.get("limit", MaxBatch().limit))
        case {"kind": "max_rate", "limit_ms": int() | float() as limit_ms, **rest} if set(rest) <= {"percentile"}:
            if _plain_number(limit_ms):
                return "--max-rate", f"p{rest.get('percentile', 99)}={limit_ms}"
    raise _NoOptionError("search")


def _plain_number(value: float) -> bool:
    """Tell whether a positive number is written with digits and a point alone, as --max-rate reads it."""
    return math.isfinite(value) and set(str(value)) <= set("0123456789.")


def _conditions(where: Request) -> str:
    """Return a selector as text. Raises _NoOptionError where that would be read as something else."""
    words = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in where.items()}
    text = ",".join(f"{name}={word}" for name, word in words.items())
    try:
        if parse_conditions(text) == words:
            return text
    except ValueError:
        pass
    raise _NoOptionError("where")


_SUBMITTED = ("run = client.submit", "print(client.page_of(run))")
_ADVISED = ("advice = client.advise", 'print(advice.headline, *(gpu.layout for gpu in advice.gpus), sep="\\n")')
"""What a program calls with the request, and what it does with what comes back."""


def _python(doing: tuple[str, str], request: Request, url: str) -> str:
    call, afterwards = doing
    fields = "".join(f"        {_literal(name)}: {_literal(value)},\n" for name, value in request.items())
    return (
        "from migperf.client import Client\n"
        "\n"
        f"with Client({_literal(url)}) as client:\n"
        f"    {call}({{\n"
        f"{fields}"
        "    })\n"
        f"    {afterwards}\n"
    )


def _literal(value: JsonValue) -> str:
    """Return a JSON value as Python writes it; texts in the quotes of JSON, whose escapes mean the same."""
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False)
        case dict():
            return "{" + ", ".join(f"{_literal(name)}: {_literal(one)}" for name, one in value.items()) + "}"
        case list():
            return f"[{', '.join(map(_literal, value))}]"
    return repr(value)
