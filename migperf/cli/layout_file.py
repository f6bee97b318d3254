"""Files that say how the GPUs of a host are to be cut: YAML, written by ``migperf mig export`` or by hand.

version: 1
gpus:
  - uuid: GPU-0b1c…        # or index: 0, or model: "*A100*"; all that is given must be met
    layout: 3g.40gb@4+1g.10gb@0
"""

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, ValidationError, model_validator

from migperf.cli.host_gpus import HostGpu
from migperf.cli.problems import UsageProblem
from migperf.cli.text_files import name_of, read_yaml_file
from migperf.gpus.layout import OFF, Layout, LayoutText

_EXAMPLE = "a layout file has version: 1 and gpus: a list of entries with uuid, index or model, and layout"


def _unquoted_off(given: object) -> object:
    """YAML reads a plain ``off`` as false."""
    return OFF if given is False else given


class GpuEntry(BaseModel):
    """The GPUs that meet every condition given, and the layout that they are to have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uuid: str | None = None
    index: Annotated[StrictInt, Field(ge=0)] | None = None
    model: str | None = Field(default=None, description="* and ? match, case ignored.")
    layout: Annotated[LayoutText, BeforeValidator(_unquoted_off)]

    @model_validator(mode="after")
    def _names_a_gpu(self) -> Self:
        if self.uuid is None and self.index is None and self.model is None:
            raise ValueError("names no GPU; give uuid, index or model")
        return self

    def means(self, one: HostGpu) -> bool:
        """Tell whether a GPU meets every condition."""
        return (
            self.uuid in (None, one.gpu.uuid)
            and self.index in (None, one.index)
            and (self.model is None or fnmatchcase(one.gpu.model.lower(), self.model.lower()))
        )


class LayoutFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1]
    gpus: tuple[GpuEntry, ...] = Field(min_length=1)


def read_layout_file(path: Path) -> LayoutFile:
    """Read a file, or standard input for ``-``. Raises UsageProblem that names the places, and OSError."""
    try:
        return LayoutFile.model_validate(read_yaml_file(path))
    except ValidationError as error:
        raise UsageProblem(f"{name_of(path)} cannot be used; {_EXAMPLE}", list(_problems(error))) from error


def layouts_for(file: LayoutFile, found: Sequence[HostGpu]) -> tuple[tuple[HostGpu, Layout], ...]:
    """Return each GPU of this host that the file names, with its layout. Raises UsageProblem.

    An entry that means no GPU of this host is refused, and so is a GPU that two entries mean.
    """
    meant: dict[int, tuple[HostGpu, Layout]] = {}
    for place, entry in enumerate(file.gpus):
        matching = [one for one in found if entry.means(one)]
        if not matching:
            raise UsageProblem(f"gpus[{place}] means no GPU of this host; it has:", [str(one) for one in found])
        for one in matching:
            if one.index in meant:
                raise UsageProblem(f"gpus[{place}] means {one}, and so does an entry before it")
            meant[one.index] = one, Layout.parse(entry.layout)
    return tuple(meant[index] for index in sorted(meant))


def layout_file_of(found: Iterable[HostGpu]) -> LayoutFile:
    """Return the file that cuts GPUs as they are cut now. Raises UsageProblem where that cannot be seen."""
    entries = []
    for one in found:
        if any(instance.placement is None for instance in one.gpu.instances):
            raise UsageProblem(f"this process may not see how {one} is cut; it needs the capability mig/config")
        entries.append(GpuEntry(uuid=one.gpu.uuid, model=one.gpu.model, layout=str(one.gpu.layout)))
    if not entries:
        raise UsageProblem("there is no GPU whose layout could be exported")
    return LayoutFile(version=1, gpus=tuple(entries))


def document_of(file: LayoutFile) -> dict[str, Any]:
    """Return the file as plain data."""
    return file.model_dump(mode="json", exclude_none=True)


def yaml_of(file: LayoutFile) -> str:
    """Return the file as YAML, one line a field."""
    return yaml.safe_dump(document_of(file), sort_keys=False, allow_unicode=True, width=1000)


def _problems(error: ValidationError) -> Iterator[str]:
    for found in error.errors():
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in found["loc"]).lstrip(".")
        yield f"{place or 'the whole'}: {found['msg'].removeprefix('Value error, ')}"
