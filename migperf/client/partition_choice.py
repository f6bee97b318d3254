"""On which partition two benchmarks can run by turns."""

from collections.abc import Iterable

from migperf.client.errors import CannotConfirmError
from migperf.client.models import NodeView, PartitionView, RunPartition, RunView
from migperf.gpus.partition import Partition
from migperf.gpus.selector import Selector


def common_partition(
    partitions: Iterable[PartitionView], nodes: Iterable[NodeView], baseline: RunView, candidate: RunView
) -> PartitionView:
    """Return a partition that one of the two runs was on, that is still there, and that both benchmarks may run on.

    Its node has the software environments of both. The baseline's is preferred. Raises CannotConfirmError.
    """
    were_on = [_was_on(run) for run in (baseline, candidate)]
    if _alike(baseline, candidate) and _piece(were_on[0]) != _piece(were_on[1]):
        raise CannotConfirmError(
            f"both runs are of one benchmark, on different partitions ({_piece(were_on[0])} and {_piece(were_on[1])}): "
            "by turns on one partition there is nothing to compare; compare several runs of each instead"
        )
    wanted = {run.benchmark.environment for run in (baseline, candidate)} - {None}
    fit = {node.name for node in nodes if wanted <= {each.name for each in node.environments if each.problem is None}}
    alive = {partition.uuid: partition for partition in partitions if partition.node_alive and partition.node in fit}
    for was_on in were_on:
        found = alive.get(was_on.uuid)
        if found is not None and all(_may_run_on(found, run) for run in (baseline, candidate)):
            return found
    places = " or ".join(dict.fromkeys(was_on.uuid for was_on in were_on))
    offering = f", offer {' and '.join(sorted(map(str, wanted)))}" if wanted else ""
    raise CannotConfirmError(
        f"no partition is there now that both benchmarks may run on; {places} would have to be there, with its node "
        f"alive{offering}, and meet `where` of both"
    )


def _alike(baseline: RunView, candidate: RunView) -> bool:
    """Tell whether the two would do the same with the same software."""
    environments = baseline.benchmark.environment, candidate.benchmark.environment
    return baseline.fingerprint == candidate.fingerprint and environments[0] == environments[1]


def _was_on(run: RunView) -> RunPartition:
    if run.benchmark.layout is not None:
        raise CannotConfirmError(
            f"run {run.id} has a GPU cut for itself (layout {run.benchmark.layout}); cut one and keep it cut so, and "
            "submit the benchmark without a layout"
        )
    if run.partition is None:
        raise CannotConfirmError(f"run {run.id} has not been on any partition; choose one that has run")
    return run.partition


def _may_run_on(partition: PartitionView, run: RunView) -> bool:
    where = Selector.model_validate(run.benchmark.where)
    if where.partition not in (None, partition.uuid):
        return False
    described = Partition.model_validate(partition.model_dump(include=set(Partition.model_fields)))
    return where.model_copy(update={"partition": partition.uuid}).matches(described, partition.node)


def _piece(partition: RunPartition) -> str:
    return f"{partition.profile or partition.kind} of {partition.model}"
