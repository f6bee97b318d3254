"""From an experiment back to a file: YAML that a person can go on writing, and that reads as the same experiment."""

from collections.abc import Mapping
from typing import Any

import yaml

from migperf.experiments.document import Experiment

_FIRST = ("migperf", "name", "title", "description", "where", "benchmark")
_WIDTH = 120


def to_yaml(experiment: Experiment) -> str:
    """Return the file of an experiment, without what is at its default."""
    document = experiment.model_dump(mode="json", exclude_defaults=True)
    return write_yaml({name: document[name] for name in _FIRST if name in document} | document)


def write_yaml(document: Mapping[str, Any]) -> str:
    """Return a document as YAML in the order that it has, so that ``read_yaml`` gives it back."""
    return yaml.dump(
        dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=_WIDTH
    )


class _Dumper(yaml.SafeDumper):
    """Writes what comes twice twice, as aliases are not read, and texts of several lines as such."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        """See yaml.SafeDumper."""
        return True

    def represent_text(self, data: str) -> yaml.ScalarNode:
        """Return the node of a text. What is neither a line nor printable is written as an escape, or YAML loses it."""
        style: Any = "|" if "\n" in data else None
        if not data.replace("\n", "").isprintable():
            style = '"'
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _Dumper.represent_text)
