"""Files that the service sends: which format is meant, and that no half of one is left behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from migperf.client.errors import MigperfClientError

FORMATS = {".csv": "csv", ".arrow": "arrow", ".parquet": "parquet", ".jsonl": "json-lines", ".json": "json"}
"""Formats by how names of files end."""


class UnknownFormatError(MigperfClientError):
    """Neither a format was given, nor does the file's name tell one."""

    def __init__(self, name: str) -> None:
        endings = ", ".join(FORMATS)
        super().__init__(f"cannot tell the format from {name!r}; let the name end in {endings}, or give the format")


def format_of(file: "Path | BinaryIO", given: str | None) -> str:
    """Return the format given, or the one that the file's name tells. Raises UnknownFormatError."""
    if given is not None:
        return given
    name = file.name if isinstance(file, Path) else str(getattr(file, "name", "a stream"))
    try:
        return FORMATS[Path(name).suffix.lower()]
    except KeyError:
        raise UnknownFormatError(name) from None


@contextmanager
def written(file: "Path | BinaryIO") -> Iterator[BinaryIO]:
    """Give a file to write to; one that is named appears under its name only when it is whole."""
    if not isinstance(file, Path):
        yield file
        return
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("wb") as opened:
            yield opened
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
