"""A run that names a software environment is put only where its node offers it, and offers it usable."""

from datetime import timedelta
from typing import Any

import pytest

from migperf.gpus.inventory import discover
from migperf.gpus.layout import Layout
from migperf.gpus.partition import PartitionKind
from migperf.gpus.selector import Selector
from migperf.gpus.sharing import Sharing
from migperf.gpus.simulation.driver import open_in_memory
from migperf.jobs.dispatch import Dispatcher
from migperf.jobs.placement import Free, Offer, OfferedGpu, Together, Waiting, match
from migperf.settings import Settings
from migperf.store import nodes, runs
from migperf.store.database import Database, now
from tests import builders
from tests.builders import partition

HALVES = Layout.parse("2x3g.40gb")
FIRST, SECOND = (
    gpu.model_copy(update={"simulated": False}) for gpu in discover(open_in_memory(["h100-80gb"] * 2)).gpus
)


def wanting(run_id: str, *environments: str, layout: Layout | None = None) -> Waiting:
    return Waiting(run_id, Selector(), layout, frozenset(environments))


def placed(waiting: list[Waiting | Together], **offer: Any) -> dict[str, str]:
    """Return the node of each run that was placed."""
    return {found.run_id: found.node for found in match(waiting, Offer(**offer))}


OFFERED = {"a": frozenset({"old"}), "b": frozenset({"old", "new"})}
CPUS = tuple(Free(partition(f"CPU-{node}", cpus=(0, 1)), node) for node in ("a", "b"))


def test_a_run_waits_for_a_node_that_has_its_environment_and_does_not_hold_up_others() -> None:
    queue = [wanting("nowhere", "unknown"), wanting("new", "new"), wanting("any")]
    assert placed(queue, free=CPUS, environments=OFFERED) == {"new": "b", "any": "a"}
    assert placed([wanting("old", "old")], free=CPUS) == {}, "a node that has told nothing has its worker's own alone"


def test_runs_of_a_group_are_put_where_all_of_their_environments_are() -> None:
    both = Together((wanting("client", "old"), wanting("neighbour", "new")), Sharing(mode="time_slicing"), 2)
    assert placed([both], free=CPUS, environments=OFFERED) == {"client": "b", "neighbour": "b"}
    assert placed([both], free=CPUS[:1], environments=OFFERED) == {}


def test_a_gpu_is_cut_only_where_the_environment_is_and_none_elsewhere_is_kept_idle_for_it() -> None:
    gpus = OfferedGpu(gpu=FIRST, node="a", held=frozenset({"x"})), OfferedGpu(gpu=SECOND, node="b")
    assert placed([wanting("cut", "new", layout=HALVES)], gpus=gpus, environments=OFFERED) == {"cut": "b"}
    instance = Free(partition("MIG-1", PartitionKind.MIG, gpu_uuid=FIRST.uuid), "a")
    behind = [wanting("cut", "new", layout=HALVES), wanting("plain")]
    assert placed(behind, free=(instance,), gpus=gpus[:1], environments=OFFERED) == {"plain": "a"}


def test_an_earlier_layout_is_put_back_for_nobody_who_could_not_run_there() -> None:
    waits = OfferedGpu(gpu=FIRST, node="a", restore=Layout.parse("off"))
    queue = [wanting("new", "new"), wanting("cut", layout=HALVES)]
    assert placed(queue, gpus=(waits,), environments=OFFERED) == {"cut": "a"}
    assert placed([wanting("old", "old"), wanting("cut", layout=HALVES)], gpus=(waits,), environments=OFFERED) == {}


@pytest.fixture
def dispatcher(database: Database, settings: Settings) -> Dispatcher:
    return Dispatcher(database, settings)


def test_a_pass_puts_it_on_a_living_node_that_says_it_can_be_used(database: Database, dispatcher: Dispatcher) -> None:
    """Of four nodes one is silent, one has it broken; the queue tells what the benchmark says, also of older runs."""
    with database.write() as session:
        time = now(session)
        silent_since = time - timedelta(hours=1)
        for node, since, environments in (
            ("silent", silent_since, builders.environments("new")),
            ("broken", time, builders.environments(new="its interpreter is not there")),
            ("fit", time, builders.environments("new")),
            ("spare", time, {}),
        ):
            builders.register(session, since, partition(f"CPU-{node}"), node=node, environments=environments)
        asked = ({"environment": "new"}, {"environment": "default"}, {})
        named, plain, older = (builders.submit(session, time, **given).id for given in asked)
        run = runs.lock(session, older)
        run.benchmark = {name: value for name, value in run.benchmark.items() if name != "environment"}
        session.flush()
        dispatcher.decide(session, time)
    with database.read() as session:
        where = {run_id: runs.get(session, run_id).partition for run_id in (named, plain, older)}
    assert where == {named: "CPU-fit", plain: "CPU-broken", older: "CPU-spare"}


def test_what_a_heartbeat_tells_replaces_what_the_node_has_told(database: Database) -> None:
    with database.write() as session:
        time = now(session)
        builders.register(session, time, environments=builders.environments("new"))
        assert nodes.usable_environments(session, time, 20) == {"node-1": {"default", "new"}}
        broken = builders.environments(new="gone")
        assert nodes.heartbeat(session, "node-1", "node-1-a", builders.inventory(), time, broken)
        assert nodes.usable_environments(session, time, 20) == {"node-1": {"default"}}
        assert nodes.heartbeat(session, "node-1", "node-1-a", builders.inventory(), time)
        (node,) = nodes.list_nodes(session)
        assert nodes.environments_of(node) == broken, "a beat that tells nothing of them changes nothing"
