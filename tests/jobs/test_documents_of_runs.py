"""What a worker stores of runs that leave documents: a profile, and the trials of a search. Real children, database."""

import gzip
import json
import threading
from collections.abc import Iterator

import pytest

from migperf.gpus.host_cpu import cpu_partition
from migperf.jobs.execute import Executor
from migperf.jobs.layouts import NodeGpus
from migperf.jobs.sharing import DeviceSharing
from migperf.measure.launcher import Launcher
from migperf.measure.launchers import Launchers
from migperf.measure.profiling.summary import SUMMARY_NAME, TRACE_NAME
from migperf.metrics.instruments import Instruments
from migperf.settings import Settings
from migperf.store import leases, results, runs
from migperf.store.database import Database, now
from migperf.store.leases import Berth
from migperf.store.states import RunState
from tests.builders import register, submit

QUICK = {"warmup_steps": 1, "warmup_s": 0, "steady_within": None, "min_steps": 3, "min_s": 0, "precision": None}


@pytest.fixture
def executor(settings: Settings, database: Database) -> Iterator[Executor]:
    """The executor of a worker whose node has a CPU with little memory."""
    stopping = threading.Event()
    gpus = NodeGpus(settings=settings, database=database, driver=None, incarnation="a", stopping=stopping)
    with database.write() as session:
        register(session, now(session), cpu_partition().model_copy(update={"memory_mib": 600}))
    with Launcher() as launcher:
        yield Executor(
            settings=settings,
            sharing=DeviceSharing.of(settings),
            database=database,
            launchers=Launchers(own=launcher),
            instruments=Instruments(),
            gpus=gpus,
            incarnation="a",
            stopping=stopping,
        )


def performed(executor: Executor, **request: object) -> str:
    """Perform a run and return its id."""
    with executor.database.write() as session:
        run = submit(session, now(session), method=QUICK, **request)
        token = leases.grant(session, run, Berth(node="node-1", partition=cpu_partition().uuid), now(session), 60).id
    run_id = executor.execute(token)
    assert run_id is not None
    return run_id


def test_a_profile_is_stored_beside_the_payloads_own_table(executor: Executor, database: Database) -> None:
    run_id = performed(executor, profile=True)
    with database.read() as session:
        assert runs.get(session, run_id).state is RunState.SUCCEEDED
        names = [item.name for item in results.list_artifacts(session, run_id)]
        assert names == ["facts.json", SUMMARY_NAME, TRACE_NAME]
        assert json.loads(results.get_artifact(session, run_id, SUMMARY_NAME).data)["steps"] == 5
        assert b"ProfilerStep" in gzip.decompress(results.get_artifact(session, run_id, TRACE_NAME).data)
        assert runs.get(session, run_id).phase is None


def test_a_search_is_one_run_with_its_result_its_reason_and_its_trials(executor: Executor, database: Database) -> None:
    run_id = performed(
        executor,
        workload="test-batches",
        parameters={"mib_per_sample": 150},
        search={"kind": "max_batch", "limit": 64},
    )
    with database.read() as session:
        run = runs.get(session, run_id)
        assert (run.state, run.attempt) == (RunState.SUCCEEDED, 1)
        assert "limited by memory" in (run.reason or "")
        figures = {figure.name: figure.value for figure in results.read_figures(session, run_id)}
        trials = json.loads(results.get_artifact(session, run_id, "max_batch.json").data)
    assert figures["max_batch"] == max(trial["batch_size"] for trial in trials if trial["outcome"] == "fits") == 2
    assert figures["peak_rss"] > 300
