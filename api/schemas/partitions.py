"""What runs can be put on."""

from datetime import datetime
from typing import Self

from pydantic import AwareDatetime, ConfigDict, Field

from api.schemas import examples
from api.schemas.view import View
from migperf.gpus.partition import Partition, PartitionKind
from migperf.gpus.placement import Placement
from migperf.store.models import Node, PartitionRow
from migperf.store.nodes import is_alive


class PartitionView(View):
    """A partition, and what is on it now."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PARTITION]})

    uuid: str
    kind: PartitionKind
    model: str = Field(description="Board or processor model.")
    profile: str | None = Field(description="MIG profile; null where the device is not cut.")
    gpu_uuid: str | None
    placement: Placement | None = Field(description="Memory units of its GPU that a MIG instance has.")
    architecture: str | None = Field(description="Generation of the GPU, such as hopper.")
    driver_version: str | None = Field(description="Version of the GPU's driver.")
    memory_mib: int | None
    sm_count: int | None
    cpus: list[int] | None = Field(description="Logical CPUs of a CPU partition.")
    simulated: bool
    node: str
    node_alive: bool = Field(description="Whether its node has been heard of lately.")
    run: str | None = Field(description="Id of the run that holds it.")
    seen_at: AwareDatetime
    retired_at: AwareDatetime | None = Field(description="Since when its node no longer has it.")

    @classmethod
    def of(cls, row: PartitionRow, run: str | None, *, node_alive: bool) -> Self:
        """Show a stored partition."""
        partition = Partition.model_validate(row.description)
        return cls(
            **partition.model_dump(mode="json"),
            node=row.node,
            node_alive=node_alive,
            run=run,
            seen_at=row.seen_at,
            retired_at=row.retired_at,
        )


class PartitionList(View):
    """Every partition that is there now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [examples.PARTITION]}]})

    items: list[PartitionView]


class NodeView(View):
    """A host that runs a worker, or ran one."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.NODE]})

    name: str
    host: str
    version: str
    alive: bool
    started_at: AwareDatetime
    heartbeat_at: AwareDatetime

    @classmethod
    def of(cls, node: Node, now: datetime, stale_s: float) -> Self:
        """Show a stored node."""
        return cls(
            name=node.name,
            host=node.host,
            version=node.version,
            alive=is_alive(node, now, stale_s),
            started_at=node.started_at,
            heartbeat_at=node.heartbeat_at,
        )


class NodeList(View):
    """Every node, by name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [examples.NODE]}]})

    items: list[NodeView]
