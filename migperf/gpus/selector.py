"""Which partitions a benchmark may run on."""

from fnmatch import fnmatchcase
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from migperf.gpus.gpu import Gpu
from migperf.gpus.partition import Partition, PartitionKind


class Selector(BaseModel):
    """Conditions that a partition must all meet; one left out does not matter. Empty: any real partition.

    Can be written as an object or as text: ``kind=mig,profile=1g.10gb,gpu_model=*H100*``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [{"kind": "cpu"}]})

    kind: PartitionKind | None = Field(default=None, description="Kind of partition.")
    profile: str | None = Field(default=None, max_length=255, description="MIG profile, exactly, such as 1g.10gb.")
    gpu_model: str | None = Field(
        default=None, max_length=255, description="Board or processor model; * and ? match, case ignored."
    )
    node: str | None = Field(default=None, max_length=255, description="Name of the node.")
    partition: str | None = Field(default=None, max_length=255, description="UUID of one partition.")
    simulated: bool = Field(
        default=False,
        description="true: on simulated partitions only; false: on real ones only, unless one is named by its UUID.",
    )

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, given: object) -> object:
        return parse_conditions(given) if isinstance(given, str) else given

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the selector that the text describes. Raises pydantic.ValidationError naming the condition."""
        return cls.model_validate(text)

    def matches(self, partition: Partition, node: str) -> bool:
        """Tell whether a run with this selector may be put on that partition of that node."""
        exact = (
            (self.kind, partition.kind),
            (self.profile, partition.profile),
            (self.node, node),
            (self.partition, partition.uuid),
            (None if self.partition else self.simulated, partition.simulated),
        )
        if any(wanted is not None and wanted != actual for wanted, actual in exact):
            return False
        return self._allows_model(partition.model)

    def matches_gpu(self, gpu: Gpu, node: str) -> bool:
        """Tell whether a run with this selector and a layout of its own may have that GPU of that node cut."""
        if self.node not in (None, node) or self.simulated != gpu.simulated:
            return False
        return self._allows_model(gpu.model)

    def _allows_model(self, model: str) -> bool:
        return self.gpu_model is None or fnmatchcase(model.lower(), self.gpu_model.lower())


def parse_conditions(text: str) -> dict[str, str]:
    """Split ``a=1,b=2`` into a mapping. Raises ValueError naming the part that is not ``name=value``."""
    conditions: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not name or not value:
            raise ValueError(f"{part!r} is not of the form name=value, such as kind=cpu")
        if name in conditions:
            raise ValueError(f"{name!r} is given twice")
        conditions[name] = value
    return conditions
