"""What Prometheus is told of the service as a whole: its nodes, its queue, and how many runs are in which state."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum

from prometheus_client.core import Metric
from sqlalchemy.orm import Session

from api.gauges import flag, gauge
from api.standing import Standing
from migperf.store import counts, nodes
from migperf.store.database import now
from migperf.store.models import Node
from migperf.store.states import ChangeState, RunState


class NodeState(StrEnum):
    """Whether a node can be counted on."""

    ALIVE = "alive"
    SILENT = "silent"
    """Nothing has been heard of it lately, and it has not said that it stops."""
    STOPPED = "stopped"
    """Its worker was stopped."""

    @classmethod
    def of(cls, node: Node, standing: Standing) -> "NodeState":
        """Return the state of a node."""
        if node.name in standing.alive:
            return cls.ALIVE
        return cls.SILENT if node.stopped_at is None else cls.STOPPED


def service_metrics(session: Session, standing: Standing) -> Iterator[Metric]:
    """Yield the metrics of nodes, queue, runs and changes of layout."""
    yield from _node_metrics(session, standing)
    yield from _queue_metrics(session)
    yield _by_state("migperf_runs", "Number of runs that are stored, by state.", counts.runs_by_state(session))
    help_text = "Number of changes of layout that are stored, by state."
    yield _by_state("migperf_layout_changes", help_text, counts.changes_by_state(session))


def _node_metrics(session: Session, standing: Standing) -> Iterator[Metric]:
    known = nodes.list_nodes(session)
    alive = Counter(node.name in standing.alive for node in known)
    yield gauge(
        "migperf_nodes",
        "Number of nodes that are known, by whether they have been heard of lately.",
        ("alive",),
        (((flag(value),), alive[value]) for value in (True, False)),
    )
    present = [(node.name, NodeState.of(node, standing)) for node in known]
    yield gauge(
        "migperf_node_state",
        "State of a node: 1 for the present one, 0 for the others. silent: nothing was heard of it lately, though its "
        "worker was not stopped.",
        ("node", "state"),
        (((name, state), float(state is its)) for name, its in present for state in NodeState),
    )


def _queue_metrics(session: Session) -> Iterator[Metric]:
    queue, time = counts.queue(session), now(session)
    yield gauge("migperf_queue_length", "Number of runs that wait for a partition.", (), [((), queue.length)])
    yield _age(
        "migperf_queue_oldest_seconds",
        "Time since the run was submitted that waits longest for a partition. No sample while none waits.",
        queue.oldest,
        time,
    )
    yield _age(
        "migperf_wakeup_oldest_seconds",
        "Time since something was put on a node whose worker has not begun it, the longest that waits. No sample "
        "while nothing waits.",
        counts.oldest_unclaimed(session),
        time,
    )


def _age(name: str, help_text: str, since: datetime | None, time: datetime) -> Metric:
    """Return the seconds since then, never less than 0; no sample if there is no then."""
    samples = [] if since is None else [((), max(0.0, (time - since).total_seconds()))]
    return gauge(name, help_text, (), samples)


def _by_state(name: str, help_text: str, numbers: Mapping[RunState, int] | Mapping[ChangeState, int]) -> Metric:
    return gauge(name, help_text, ("state",), (((state,), number) for state, number in numbers.items()))
