"""Why repeats have no figure, said once for those that have the same reason. Pure."""

import re
from collections.abc import Iterable

_NUMBER = re.compile(r"(?<![\w.-])\d+(?:\.\d+)?(?![\w-]|\.\d)")
"""A number that stands by itself: not a part of a name, an identifier or a version."""


def by_reason(reasons: Iterable[tuple[int, str]]) -> tuple[str, ...]:
    """Return each reason once, with the repeats (counted from 0) that it is of; see ``alike``."""
    numbers: dict[str, list[int]] = {}
    said: dict[str, list[str]] = {}
    for repeat, reason in reasons:
        form = _NUMBER.sub("0", reason)
        numbers.setdefault(form, []).append(repeat + 1)
        said.setdefault(form, []).append(reason)
    return tuple(
        f"{'repeat' if len(of) == 1 else 'repeats'} {', '.join(map(str, of))}: {_merged(said[form])}"
        for form, of in numbers.items()
    )


def alike(reasons: Iterable[str]) -> tuple[str, ...]:
    """Return each reason once; of those that differ in numbers alone one, with the range of each number."""
    said: dict[str, list[str]] = {}
    for reason in reasons:
        said.setdefault(_NUMBER.sub("0", reason), []).append(reason)
    return tuple(map(_merged, said.values()))


def _merged(reasons: list[str]) -> str:
    ranges = iter([_range(column) for column in zip(*map(_NUMBER.findall, reasons), strict=True)])
    return _NUMBER.sub(lambda _: next(ranges), reasons[0])


def _range(numbers: tuple[str, ...]) -> str:
    low, high = min(numbers, key=float), max(numbers, key=float)
    return low if low == high else f"{low} to {high}"
