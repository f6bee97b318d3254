"""Recorded calls of the driver: what each answered, or how it failed, and how long it took. Knows no call itself."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum, Flag
from statistics import median
from typing import Generic, TypeVar

from pydantic import JsonValue

from migperf.gpus.nvml_errors import NvmlError

T = TypeVar("T")
U = TypeVar("U")
H = TypeVar("H")
T_co = TypeVar("T_co", covariant=True)
REPEATS = 20
CALL_BUDGET_S = 1.0
"""A slow call is repeated no longer than this: on a busy host, looking up a UUID can take ten seconds."""
TOTAL_BUDGET_S = 120.0
"""After this every call is made once only."""
NS_PER_S, NS_PER_MS = 1e9, 1e6


@dataclass(frozen=True, slots=True)
class Failure:
    """How a call failed: the class of the exception, and NVML's code where the driver answered with one."""

    error: str
    code: int | None

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        """Describe an exception, without its text: that may name what is not to be written."""
        return cls(type(error).__name__, error.nvml_code if isinstance(error, NvmlError) else None)

    def __str__(self) -> str:
        return self.error if self.code is None else f"{self.error} ({self.code})"


@dataclass(frozen=True, slots=True)
class Answer(Generic[T_co]):
    """What a call gave: its value, or None and the failure. Both where it answered only some of the time."""

    value: T_co | None
    failure: Failure | None

    @property
    def why_not(self) -> str:
        """Why there is no value."""
        return "not told" if self.failure is None else str(self.failure)

    def then(self, convert: Callable[[T_co], U]) -> "Answer[U]":
        """Return the answer in another form, as far as there is a value."""
        return Answer(None if self.value is None else convert(self.value), self.failure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call with its arguments, made ``answered + failed`` times in a row. The first of each outcome is kept."""

    on: str
    method: str
    arguments: str
    value: JsonValue
    failure: Failure | None
    answered: int
    failed: int
    first_ms: float
    """Of the first time, when nothing is warm."""
    median_ms: float


class Recorder:
    """Makes calls and keeps a record of them. No failure of a call ends the recording."""

    def __init__(self, repeats: int = REPEATS, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self.calls: list[Call] = []
        self._repeats = repeats
        self._clock = clock
        self._once_after_ns = clock() + TOTAL_BUDGET_S * NS_PER_S

    def ask(
        self, on: str, call: Callable[..., T], *arguments: object, show: Callable[[T], object] | None = None
    ) -> Answer[T]:
        """Make a call again and again; return what it gave first. ``show`` makes what is written of the value."""
        values: list[T] = []
        failures: list[Failure] = []
        times_ms: list[float] = []
        until_ns = min(self._clock() + CALL_BUDGET_S * NS_PER_S, self._once_after_ns)
        while not times_ms or (len(times_ms) < self._repeats and self._clock() < until_ns):
            begun_ns = self._clock()
            try:
                values.append(call(*arguments))
            except Exception as error:  # noqa: BLE001 - also a mistake of ours is a finding, and the next call is made
                failures.append(Failure.of(error))
            times_ms.append((self._clock() - begun_ns) / NS_PER_MS)
        self.calls.append(
            Call(
                on=on,
                method=call.__name__,
                arguments=", ".join(filter(None, map(_argument, arguments))),
                value=plain(show(values[0]) if show else values[0]) if values else None,
                failure=failures[0] if failures else None,
                answered=len(values),
                failed=len(failures),
                first_ms=times_ms[0],
                median_ms=median(times_ms),
            )
        )
        return Answer(values[0] if values else None, failures[0] if failures else None)


@dataclass(frozen=True, slots=True)
class Subject(Generic[H]):
    """What a handle of the driver's stands for: a GPU, a MIG device, an instance."""

    recorder: Recorder
    name: str
    handle: H

    def ask(self, call: Callable[..., T], *arguments: object, show: Callable[[T], object] | None = None) -> Answer[T]:
        """Record a call whose first argument is the handle."""
        return self.recorder.ask(self.name, call, self.handle, *arguments, show=show)


def plain(value: object) -> JsonValue:
    """Return a value as JSON has it: dataclasses by their fields, enums by their names, handles as such."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    match value:
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case tuple() | list():
            return [plain(item) for item in value]
    return _single(value)


def _single(value: object) -> JsonValue:
    match value:
        case NvmlError():
            return str(Failure.of(value))
        case Flag():
            return value.name or str(value.value)
        case Enum():
            return value.name
        case float() if not math.isfinite(value):
            return str(value)
        case None | bool() | int() | float() | str():
            return value
    return "a handle"


def _argument(given: object) -> str:
    """Return an argument as text; nothing for a handle, which the subject names."""
    match given:
        case Enum():
            return given.name
        case int() | str():
            return str(given)
        case Sequence():
            return " ".join(map(_argument, given))
    return ""
