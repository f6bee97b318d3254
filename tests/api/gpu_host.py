"""A host with simulated GPUs whose node is registered, and the steps that its worker and placement would take."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from migperf.gpus.controller import Controller
from migperf.gpus.gpu import Gpu
from migperf.gpus.inventory import discover, partitions_of
from migperf.gpus.layout import Layout
from migperf.gpus.simulation.driver import SimulatedDriver, open_in_memory
from migperf.store import changes, leases, nodes, runs
from migperf.store.database import Database, now
from migperf.store.leases import Berth
from migperf.store.nodes import Registration
from migperf.store.states import ChangeState
from tests import builders
from tests.api.serving import TestClient

LEASE_S = 15.0
PROBLEM = "the GPU has fallen off the bus"


@dataclass(frozen=True)
class GpuHost:
    """A node with simulated GPUs. What is done to them is told to the database, as a worker tells it."""

    database: Database
    driver: SimulatedDriver
    lock_file: Path
    node: str = "gpu-node"

    @classmethod
    def registered(cls, database: Database, folder: Path, *boards: str, node: str = "gpu-node") -> "GpuHost":
        """Register a node with these boards."""
        host = cls(database, open_in_memory(boards), folder / f"{node}.lock", node)
        registration = Registration(name=node, incarnation="a", host=node, version="0", inventory=discover(host.driver))
        with database.write() as session:
            nodes.register(session, registration, now(session), stale_s=20)
        return host

    def gpu(self, index: int = 0) -> Gpu:
        """Return a GPU as it is now."""
        return discover(self.driver).gpus[index]

    def cut(self, layout: str, index: int = 0) -> Gpu:
        """Cut a GPU and tell the database."""
        lock = FileLock(self.lock_file)
        made = Controller(driver=self.driver, lock=lock).apply(self.gpu(index).uuid, Layout.parse(layout))
        self.report()
        return made.after

    def enable_mig(self, index: int = 0) -> None:
        """Turn MIG on, with the reset that boards of the Ampere generation need for it, and tell the database."""
        Controller(driver=self.driver, lock=FileLock(self.lock_file)).set_mode(self.gpu(index).uuid, enabled=True)
        self.driver.reset(self.driver.device_by_index(index))
        self.report()

    def fail(self, index: int = 0) -> None:
        """Tell the database that a GPU is there and cannot be read, as the inventory says it."""
        found = list(discover(self.driver).gpus)
        uuid = found[index].uuid
        found[index] = Gpu(uuid=uuid, model="unknown", architecture="unknown", simulated=True, problem=PROBLEM)
        cut = [partition for gpu in found for partition in partitions_of(gpu)]
        with self.database.write() as session:
            nodes.store_inventory(session, self.node, builders.inventory(*cut, gpus=tuple(found)), now(session))

    def report(self) -> None:
        """Tell the database what there is now."""
        with self.database.write() as session:
            nodes.store_inventory(session, self.node, discover(self.driver), now(session))

    def partition(self, profile: str, index: int = 0) -> str:
        """Return the UUID of the first partition with the profile."""
        computes = [compute for instance in self.gpu(index).instances for compute in instance.compute_instances]
        return next(compute.uuid for compute in computes if compute.profile == profile)

    def run_on(self, partition: str | None, *, whole: str | None = None) -> str:
        """Put a new run on a partition, or give it a whole GPU, and return its id."""
        with self.database.write() as session:
            time = now(session)
            run = runs.lock(session, builders.submit(session, time).id)
            berth = Berth(node=self.node, partition=partition, gpu=whole, exclusive=whole is not None)
            leases.grant(session, run, berth, time, LEASE_S)
            return run.id

    def begin(self, change_id: str) -> int:
        """Give a waiting change its GPU and have its worker begin; return its token."""
        with self.database.write() as session:
            time = now(session)
            token = changes.grant(session, changes.lock(session, change_id), self.node, time, LEASE_S).id
            changes.claim(session, token, "a", time, LEASE_S)
            return token

    def carry_out(self, change_id: str) -> None:
        """Do with a waiting change what placement and a worker do."""
        token = self.begin(change_id)
        with self.database.read() as session:
            change = changes.get(session, change_id)
        uuids = [gpu.uuid for gpu in discover(self.driver).gpus]
        self.cut(change.layout, uuids.index(change.gpu))
        with self.database.write() as session:
            changes.finish(session, token, ChangeState.APPLIED, now(session))


def dry_run(client: TestClient, gpu: str, layout: str) -> dict[str, Any]:
    """Return what the layout would do to the GPU at that path."""
    answer = client.put(f"{gpu}/layout", params={"dry_run": "true"}, json={"layout": layout})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())
