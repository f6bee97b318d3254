"""What runs can be put on: partitions, and the nodes that have them."""

from fastapi import APIRouter

from api import fleet
from api.dependencies import AppDatabase, AppSettings
from api.needs import READ
from api.problems import NOT_FOUND, documented
from api.schemas.partitions import NodeList, PartitionList, PartitionView

router = APIRouter(prefix="/v1", tags=["partitions"], dependencies=[READ])


@router.get("/partitions", summary="List partitions", responses=documented())
def list_partitions(database: AppDatabase, settings: AppSettings) -> PartitionList:
    """Return every partition that is there now, node by node."""
    with database.read() as session:
        return fleet.partition_list(session, settings.node_stale_s)


@router.get("/partitions/{uuid}", summary="Show a partition", responses=documented(NOT_FOUND))
def get_partition(uuid: str, database: AppDatabase, settings: AppSettings) -> PartitionView:
    """Return one partition, even if its node no longer has it."""
    with database.read() as session:
        return fleet.partition(session, uuid, settings.node_stale_s)


@router.get("/nodes", summary="List nodes", responses=documented())
def list_nodes(database: AppDatabase, settings: AppSettings) -> NodeList:
    """Return every node by name."""
    with database.read() as session:
        return fleet.node_list(session, settings.node_stale_s)
