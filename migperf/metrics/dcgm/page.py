"""A dcgm-exporter's page, and what it says of GPUs and GPU instances. Arithmetic and reading only; no fetching."""

import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from migperf.errors import MigperfError
from migperf.metrics.dcgm.fields import NAMES

_TEXT_FOR_A_VALUE = re.compile(r"(?<=\} )(?:<<<|ERROR|SKIPPING).*$")
_BLANK_WORDS = ("blank", "not found", "not supported", "not permitted")
_BLANKS: dict[float, str] = {
    base + offset: word
    for base in (0x7FFFFFF0, 0x7FFFFFFFFFFFFFF0, 140737488355328)
    for offset, word in enumerate(_BLANK_WORDS)
} | {float(1 << 63): _BLANK_WORDS[0]}
"""What DCGM writes where it has no value (dcgm_structs.h): 32 and 64-bit integers, and floating point.

A 64-bit one that went through floating point has lost which it was.
"""


class PageError(MigperfError):
    """What was fetched is not a whole page of a dcgm-exporter."""


@dataclass(frozen=True, slots=True)
class Entity:
    """What a row is about: a GPU instance, or the whole GPU where there is no instance's id."""

    gpu_uuid: str
    gpu_instance_id: int | None = None

    def __str__(self) -> str:
        whole = f"GPU {self.gpu_uuid}"
        return whole if self.gpu_instance_id is None else f"GPU instance {self.gpu_instance_id} of {whole}"


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of some GPUs: raw values by entity and field name, in DCGM's units."""

    gpus: frozenset[str]
    """The GPUs that it was read for; of others nothing is kept."""
    names: frozenset[str]
    """The fields that it has, of whatever GPU."""
    rows: Mapping[Entity, Mapping[str, float]]
    profiles: Mapping[Entity, str]
    """What the exporter takes each GPU instance's profile to be."""

    def of_board(self, gpu_uuid: str) -> Mapping[str, float]:
        """Return the rows of a board. While it is cut, they are only shown with its instances, the same with each."""
        found: dict[str, float] = {}
        for entity, values in self.rows.items():
            if entity.gpu_uuid == gpu_uuid:
                found = {**found, **values} if entity.gpu_instance_id is None else {**values, **found}
        return found


def parse(text: str, gpus: Collection[str]) -> Page:
    """Read a page for some GPUs. Raises PageError if it is none, or not whole."""
    if not text.endswith("\n"):
        raise PageError("the page breaks off" if text else "the page is empty")
    if "\nDCGM_FI_" not in f"\n{text}":
        raise PageError("the page has no metrics of DCGM: is it a dcgm-exporter's?")
    names, rows, profiles = set(), dict[Entity, dict[str, float]](), dict[Entity, str]()
    try:
        for family in text_string_to_metric_families("\n".join(_relevant(text, gpus)) + "\n"):
            names.add(family.name)
            for sample in family.samples:
                if (entity := _entity(sample)) is not None:
                    rows.setdefault(entity, {})[family.name] = sample.value
                    profiles[entity] = sample.labels.get("GPU_I_PROFILE", "")
    except ValueError as error:
        raise PageError(f"the page cannot be read: {error}") from error
    return Page(frozenset(gpus), frozenset(names), rows, profiles)


def blank(value: float) -> str | None:
    """Return what DCGM says in place of a value; None if it is one."""
    return "not a number" if math.isnan(value) else _BLANKS.get(value)


def _relevant(text: str, gpus: Collection[str]) -> Iterator[str]:
    """Yield the lines that say anything of these GPUs, because parsing is slow and others wait for it (the GIL).

    Some exporters write a word where DCGM has no value; a Prometheus page can only have numbers.
    """
    for line in text.splitlines():
        if line.startswith("# TYPE DCGM_FI_"):
            if line.split(maxsplit=3)[2] in NAMES:
                yield line
        elif line.startswith("DCGM_FI_") and line.partition("{")[0] in NAMES and any(gpu in line for gpu in gpus):
            yield _TEXT_FOR_A_VALUE.sub("NaN", line)


def _entity(sample: Sample) -> Entity | None:
    """Return what a row is about; None if it is about something else, such as one NVLink."""
    uuid = sample.labels.get("UUID") or sample.labels.get("uuid")
    instance = sample.labels.get("GPU_I_ID", "")
    return None if uuid is None else Entity(uuid, int(instance) if instance else None)
