"""As much of PromQL as it takes to see which metrics and labels an expression uses. No parser: regular expressions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SELECTOR = re.compile(r"\b((?:migperf|process)_\w+|up)\b(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_LEGEND = re.compile(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}")


@dataclass(frozen=True)
class Matcher:
    """``label`` OPERATOR "value"."""

    label: str
    operator: str
    value: str

    @property
    def alternatives(self) -> list[str]:
        """The values that are named; none where it is a variable or a pattern."""
        if "$" in self.value or ".*" in self.value:
            return []
        return self.value.split("|") if "~" in self.operator else [self.value]


@dataclass(frozen=True)
class Selector:
    """A metric with what is asked of its labels."""

    metric: str
    matchers: tuple[Matcher, ...]


def selectors(expression: str) -> list[Selector]:
    """Return the metrics that an expression reads."""
    found = _SELECTOR.findall(expression)
    return [Selector(name, tuple(Matcher(*one) for one in _MATCHER.findall(matchers))) for name, matchers in found]


def grouped_by(expression: str) -> Iterator[str]:
    """Yield the labels by which it groups or joins."""
    for labels in _GROUPING.findall(expression):
        yield from filter(None, re.split(r"[\s,]+", labels))


def shown_labels(text: str) -> list[str]:
    """Return the labels that a legend (``{{label}}``) or an annotation (``{{ $labels.label }}``) shows."""
    return _LEGEND.findall(text)


def balanced(expression: str) -> bool:
    """Tell whether brackets are balanced outside of strings."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    stack = []
    for character in bare:
        if character in "([{":
            stack.append({"(": ")", "[": "]", "{": "}"}[character])
        elif character in ")]}" and (not stack or stack.pop() != character):
            return False
    return not stack
