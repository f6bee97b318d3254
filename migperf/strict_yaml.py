"""YAML as people write it into files: read strictly, so that what was meant cannot be misread in silence."""

from collections.abc import Hashable
from math import isfinite
from typing import Any

import yaml

from migperf.errors import MigperfError

MAX_CHARACTERS = 256 << 10


class StrictYamlError(MigperfError):
    """A text is no YAML that is read here: what is wrong, and at which line and column, both from 1, if it is known."""

    def __init__(self, problem: str, line: int | None = None, column: int | None = None) -> None:
        self.problem = problem
        self.place = "" if line is None else f"line {line}, column {column}"
        super().__init__(f"{self.place}: {problem}" if self.place else problem)


def read_yaml(text: str) -> object:
    """Return what a YAML document holds: what JSON has, and nothing else. Raises StrictYamlError.

    Refused are keys that come twice in one mapping, of which YAML would keep the last in silence; aliases, of which a
    short file can make a huge document; infinity and NaN; tags that are not YAML's own. Dates stay text.
    """
    if len(text) > MAX_CHARACTERS:
        raise StrictYamlError(f"{len(text)} characters are more than the {MAX_CHARACTERS} that a file may have")
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (None, None) if mark is None else (mark.line + 1, mark.column + 1)
        raise StrictYamlError(f"this is not YAML: {error.problem}", *place) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = before.count("\n") + 1, error.position - before.rfind("\n")
        raise StrictYamlError(
            f"this is not YAML: the character #x{error.character:04x} may not be there", *place
        ) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise StrictYamlError(f"this is not YAML: {error}") from error


class _StrictLoader(yaml.SafeLoader):
    """Refuses what ``read_yaml`` says."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return the next node; see yaml.SafeLoader."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases are not read; write out what it stands for", mark)
        return super().compose_node(parent, index)

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        """Return the number; see yaml.SafeLoader."""
        number = super().construct_yaml_float(node)
        if not isfinite(number):
            problem = f"{node.value} is no number that could be measured with"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return number

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping; see yaml.SafeLoader."""
        seen: set[object] = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if not isinstance(name, Hashable):
                raise yaml.constructor.ConstructorError(None, None, "a key is a text or a number", key.start_mark)
            if name in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {name!r} is there twice", key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep=deep)


_StrictLoader.add_constructor("tag:yaml.org,2002:float", _StrictLoader.construct_yaml_float)
_StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
