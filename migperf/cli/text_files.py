"""Files that people write and commands read: their text, and what YAML in them holds."""

import codecs
import sys
from pathlib import Path

from migperf.cli.problems import UsageProblem

STANDARD_INPUT = Path("-")
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def name_of(path: Path) -> str:
    """Return what messages call a file; ``-`` is standard input."""
    return "standard input" if path == STANDARD_INPUT else str(path)


def read_text(path: Path) -> str:
    """Return the text of a file, UTF-8 or marked as UTF-16, or standard input's. Raises UsageProblem and OSError."""
    if path == STANDARD_INPUT:
        return sys.stdin.read()
    content = path.read_bytes()
    try:
        return content.decode("utf-16" if content.startswith(_UTF_16_MARKS) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageProblem(f"{path} is not text: {error.reason} at byte {error.start}") from error


def read_yaml_file(path: Path) -> object:
    """Return what a YAML file holds; see read_yaml. Raises UsageProblem with the place, and OSError."""
    from migperf.strict_yaml import StrictYamlError, read_yaml

    try:
        return read_yaml(read_text(path))
    except StrictYamlError as error:
        place = f", {error.place}" if error.place else ""
        raise UsageProblem(f"{name_of(path)}{place}: {error.problem}") from error
