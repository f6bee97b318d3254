"""Nodes and partitions as they stand now, put together from what the store knows of each."""

from sqlalchemy.orm import Session

from api.schemas.partitions import EnvironmentView, NodeList, NodeView, PartitionList, PartitionView
from migperf.store import nodes
from migperf.store.database import now
from migperf.store.models import PartitionRow


def node_list(session: Session, stale_s: float) -> NodeList:
    """Return every node; one silent for ``stale_s`` seconds is not alive."""
    time = now(session)
    return NodeList(items=[NodeView.of(node, time, stale_s) for node in nodes.list_nodes(session)])


def environments(session: Session, stale_s: float) -> list[tuple[str, EnvironmentView]]:
    """Return the software environments of living nodes, each with its node's name."""
    alive = (node for node in node_list(session, stale_s).items if node.alive)
    return [(node.name, environment) for node in alive for environment in node.environments]


def partition_list(session: Session, stale_s: float) -> PartitionList:
    """Return every partition that is there now."""
    leased = nodes.runs_in_the_way(session)
    alive = _living(session, stale_s)
    rows = nodes.list_partitions(session)
    return PartitionList(items=[_view(row, leased, alive) for row in rows])


def partition(session: Session, uuid: str, stale_s: float) -> PartitionView:
    """Return one partition, retired or not. Raises NotFoundError."""
    return _view(nodes.get_partition(session, uuid), nodes.runs_in_the_way(session), _living(session, stale_s))


def _living(session: Session, stale_s: float) -> frozenset[str]:
    return frozenset(node.name for node in node_list(session, stale_s).items if node.alive)


def _view(row: PartitionRow, leased: dict[str, str], alive: frozenset[str]) -> PartitionView:
    return PartitionView.of(row, leased.get(row.uuid), node_alive=row.node in alive)
