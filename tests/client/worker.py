"""A worker played by a thread: takes the runs of one partition in their order, and "measures" what it is told to."""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta

import numpy as np
from sqlalchemy import select

from migperf.statistics.samples import Samples
from migperf.store import leases, runs
from migperf.store.database import Database, now
from migperf.store.models import Run
from migperf.store.states import RunState
from tests import builders
from tests.analysis.stored_runs import measure

Steps = Callable[[Run], Samples | RunState | None]
"""The steps that a run takes (ms), the state that it fails in, or None for a run that goes on and on."""


def registered(database: Database, environments: Collection[str] = (), **partition: object) -> None:
    """Register a living node with one partition, CPU-1, and these software environments beside its worker's own."""
    offered = builders.environments(*environments)
    with database.write() as session:
        one = builders.partition(**partition)  # type: ignore[arg-type]
        builders.register(session, now(session), one, environments=offered)


def make_run(database: Database, run_id: str, steps: Steps, begun: Callable[[str], object] = str) -> bool:
    """Begin a queued run on the partition and end it, unless it is to go on; tell whether another may follow.

    ``begun`` is told when the run has begun. One that was cancelled meanwhile does not begin.
    """
    with database.write() as session:
        run = runs.lock(session, run_id)
        if run.state is not RunState.QUEUED:
            return True
        token = builders.place(session, run, now(session)).id
        leases.claim(session, token, "node-1-a", now(session) + timedelta(milliseconds=1), 15)
        taken = steps(run)
    begun(run_id)
    if taken is None:
        return False
    if not isinstance(taken, RunState):
        measure(database, run_id, taken, np.empty(0))
    with database.write() as session:
        state, reason = (taken, "it broke") if isinstance(taken, RunState) else (RunState.SUCCEEDED, None)
        leases.finish(session, token, state, now(session), reason)
    return True


@contextmanager
def worker(database: Database, steps: Steps) -> Iterator[list[str]]:
    """Work until the end of the block; gives the ids of the runs taken, in their order."""
    stop, taken = threading.Event(), []

    def work() -> None:
        while not stop.is_set():
            with database.read() as session:
                queued = session.scalars(select(Run.id).where(Run.state == RunState.QUEUED).order_by(Run.id)).first()
            if queued is None:
                time.sleep(0.005)
                continue
            if not make_run(database, queued, steps, taken.append):
                return

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield taken
    finally:
        stop.set()
        thread.join()


def by_step_ms(between: float = 0.001, noise: float = 0.02, seed: int = 0) -> Steps:
    """Steps as long as the parameter ``step_ms`` says, with noise within each run and between runs, relative."""
    generator = np.random.default_rng(seed)

    def steps(run: Run) -> Samples:
        mean_ms = run.benchmark["parameters"]["step_ms"] * (1 + between * generator.standard_normal())
        return np.asarray(mean_ms * (1 + noise * generator.standard_normal(400)))

    return steps
