"""What runs can be put on."""

from datetime import datetime
from typing import Self

from pydantic import AwareDatetime, ConfigDict, Field

from api.schemas import examples
from api.schemas.view import View
from migperf.gpus.partition import Partition, PartitionKind
from migperf.gpus.placement import Placement
from migperf.measure.software import OfferedEnvironment, Software
from migperf.store.models import Node, PartitionRow
from migperf.store.nodes import environments_of, is_alive


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


class EnvironmentView(View):
    """A software environment of a node: what payloads run in there."""

    name: str = Field(description="What a benchmark names as its environment; default: the worker's own.")
    problem: str | None = Field(description="Why nothing can run in it; null where runs can.")
    python: str | None = Field(description="Version of Python; null, like what follows, where it cannot be used.")
    torch: str | None = Field(description="Version of PyTorch.")
    migperf_version: str | None = Field(description="Version of migperf there; the same as the node's.")
    payloads: dict[str, str] | None = Field(description="Versions of the installed packages that add workloads.")

    @classmethod
    def of(cls, name: str, offered: OfferedEnvironment) -> Self:
        """Show what a node offers under a name."""
        software = dict.fromkeys(Software.model_fields) if offered.software is None else offered.software.model_dump()
        return cls(name=name, problem=offered.problem, **software)


class NodeView(View):
    """A host that runs a worker, or ran one."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.NODE]})

    name: str
    host: str
    version: str
    alive: bool
    started_at: AwareDatetime
    heartbeat_at: AwareDatetime
    environments: list[EnvironmentView] = Field(
        description="Its software environments, its worker's own first; none where its worker is too old to tell."
    )

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
            environments=[EnvironmentView.of(name, offered) for name, offered in environments_of(node).items()],
        )


class NodeList(View):
    """Every node, by name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [examples.NODE]}]})

    items: list[NodeView]
