"""An attempt that is tainted or void is given up while another may be made; the last one's outcome is kept as it is."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from migperf.gpus.inventory import discover
from migperf.gpus.simulation.driver import open_in_memory
from migperf.jobs.execute import Executor, store_outcome
from migperf.jobs.layouts import NodeGpus
from migperf.jobs.logs import KeptLog
from migperf.jobs.sharing import DeviceSharing
from migperf.measure.events import Finished
from migperf.measure.figures import ResultFigure
from migperf.measure.hygiene import isolation
from migperf.measure.hygiene.facts import Taint
from migperf.measure.launcher import Launcher
from migperf.measure.launchers import Launchers
from migperf.measure.outcome import Ending, Outcome
from migperf.metrics.instruments import Instruments
from migperf.metrics.metric import Metric, Scope
from migperf.metrics.series import Chunk, SeriesUpdate
from migperf.settings import load_settings
from migperf.store import leases, nodes, results, runs, series
from migperf.store.database import Database, now
from migperf.store.leases import Berth, LeaseLostError
from migperf.store.models import Lease, ResultRow, Run, RunEvent, SeriesRow
from migperf.store.states import RunState
from tests import builders
from tests.databases import BACKENDS
from tests.measure.test_supervisor import QUICK

LOG = KeptLog(b"the child's words\n", 18)
TAINT = Taint(rule="busy_neighbours", seen="others kept 1.00 of 2 processors busy", threshold="0.25", remedy="end them")
LATENCY = Metric(name="latency", unit="ms", scope=Scope.PROCESS, source="timer")
MEASURED = Outcome(
    ending=Ending.SUCCEEDED,
    figures=(ResultFigure(name="latency_mean", unit="ms", scope=Scope.PROCESS, value=4.5),),
    finished=Finished(
        window_start_ns=5,
        window_end_ns=9,
        samples_per_step=1,
        sample_unit="request",
        warmup_ended_by="steady",
        measuring_ended_by="max_s",
        warmup_note="steady within 2.0% from sample 3 of 70 on",
        measuring_note="to ±1.4 %",
        converged=False,
    ),
    environment={"host": "h"},
    taints=(),
)
TAINTED = replace(MEASURED, taints=(TAINT,))
VOID = Outcome(ending=Ending.FAILED, void=True, reason="void: process 7 (trainer) uses GPU-1")
pytestmark = pytest.mark.parametrize("database_url", BACKENDS, indirect=True)


def begun(database: Database, run_id: str) -> int:
    """Place the run and begin it with samples of its own; return the lease's token."""
    with database.write() as session:
        at = now(session)
        token = builders.place(session, runs.lock(session, run_id), at).id
        leases.claim(session, token, "node-1-a", at, builders.LEASE_S)
        series.append(session, run_id, [SeriesUpdate(LATENCY, Chunk.of([1, 2], [3.0, 4.0]))], 0)
    return token


def submitted(database: Database, **request: object) -> str:
    with database.write() as session:
        builders.register(session, now(session))
        return builders.submit(session, now(session), **request).id


def attempt(database: Database, run_id: str, outcome: Outcome) -> int:
    token = begun(database, run_id)
    with database.write() as session:
        store_outcome(session, token, outcome, LOG)
    return token


def read(database: Database, run_id: str) -> Run:
    with database.read() as session:
        return runs.get(session, run_id)


def rows(database: Database, table: type[ResultRow | SeriesRow]) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def events(database: Database, run_id: str) -> list[tuple[str, str | None]]:
    with database.read() as session:
        return [(event.name, event.detail) for event in runs.events_after(session, run_id, 0)]


@pytest.mark.parametrize("spoiled", [TAINTED, VOID], ids=["tainted", "void"])
def test_a_spoiled_attempt_leaves_nothing_but_its_log_and_a_word_and_the_run_is_queued_again(
    database: Database, spoiled: Outcome
) -> None:
    run_id = submitted(database, taint_retry_limit=1)
    token = attempt(database, run_id, spoiled)
    run = read(database, run_id)
    assert (run.state, run.taint_retries, run.losses, run.attempt) == (RunState.QUEUED, 1, 0, 1)
    assert str(run.reason).startswith(str(spoiled.spoiled))
    assert str(run.reason).endswith("try 1 of taint_retry_limit = 1")
    assert events(database, run_id)[-1] == ("queued", run.reason)
    assert rows(database, ResultRow) == rows(database, SeriesRow) == 0
    assert run.taints is run.window_start_ns is run.environment is run.converged is None
    with database.read() as session:
        assert session.get_one(Lease, token).outcome == "spoiled"
        assert results.read_logs(session, run_id)[0][0] == 1
    with pytest.raises(LeaseLostError), database.write() as session:
        leases.renew(session, token, now(session), 1)


def test_the_last_attempt_keeps_its_result_with_its_taints(database: Database) -> None:
    run_id = submitted(database, taint_retry_limit=2)
    for _ in range(3):
        attempt(database, run_id, TAINTED)
    run = read(database, run_id)
    assert (run.state, run.taint_retries, run.attempt) == (RunState.SUCCEEDED, 2, 3)
    assert run.taints == [TAINT.model_dump()]
    assert (run.converged, run.measuring_note) == (False, "to ±1.4 %")
    assert rows(database, ResultRow) == rows(database, SeriesRow) == 1


def test_the_last_void_attempt_fails_and_says_why(database: Database) -> None:
    run_id = submitted(database)
    attempt(database, run_id, VOID)
    run = read(database, run_id)
    assert (run.state, run.taint_retries, run.taints) == (RunState.FAILED, 0, None)
    assert str(run.reason).startswith("void: process 7")
    assert rows(database, ResultRow) == 0


def test_a_clean_attempt_ends_the_run_and_is_known_to_be_clean(database: Database) -> None:
    run_id = submitted(database, taint_retry_limit=5)
    attempt(database, run_id, TAINTED)
    attempt(database, run_id, MEASURED)
    run = read(database, run_id)
    assert (run.state, run.taint_retries, run.taints) == (RunState.SUCCEEDED, 1, [])


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(ending=Ending.FAILED, reason="ValueError: unwell"),
        Outcome(ending=Ending.DOES_NOT_FIT, reason="no room"),
        Outcome(ending=Ending.TIMED_OUT, reason="too slow"),
    ],
    ids=lambda outcome: str(outcome.ending),
)
def test_what_another_attempt_would_not_make_better_is_not_tried_again(database: Database, outcome: Outcome) -> None:
    run_id = submitted(database, taint_retry_limit=5)
    attempt(database, run_id, outcome)
    run = read(database, run_id)
    assert (run.state, run.taint_retries, run.taints) == (RunState(outcome.ending), 0, None)


def test_a_run_that_is_to_be_cancelled_keeps_what_it_has(database: Database) -> None:
    run_id = submitted(database, taint_retry_limit=5)
    token = begun(database, run_id)
    with database.write() as session:
        runs.request_cancel(session, run_id, now(session))
    with database.write() as session:
        store_outcome(session, token, TAINTED, LOG)
    assert read(database, run_id).state is RunState.SUCCEEDED


def test_tries_and_losses_are_counted_apart(database: Database) -> None:
    run_id = submitted(database, taint_retry_limit=1, retry_limit=1)
    attempt(database, run_id, TAINTED)
    attempt(database, run_id, Outcome(ending=Ending.INTERRUPTED, reason="killed"))
    attempt(database, run_id, TAINTED)
    run = read(database, run_id)
    assert (run.state, run.attempt, run.taint_retries, run.losses) == (RunState.SUCCEEDED, 3, 1, 1)


def test_a_worker_tries_again_on_a_gpu_that_somebody_uses_and_measures_when_it_is_free(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real executor with a real child; the GPU is simulated."""
    monkeypatch.setattr(isolation, "SETTLE_S", 0.0)
    settings = load_settings(data_dir=tmp_path / "data", database_url=database_url, node_name="node-1")
    driver = open_in_memory(["h100-80gb"])
    stopping = threading.Event()
    found = discover(driver, offer_cpu=False)
    with database.write() as session:
        registration = nodes.Registration(name="node-1", incarnation="a", host="h", version="0", inventory=found)
        nodes.register(session, registration, now(session), 20)
        run_id = builders.submit(session, now(session), method=QUICK, taint_retry_limit=1).id
    gpus = NodeGpus(settings=settings, database=database, driver=driver, incarnation="a", stopping=stopping)

    def perform(launcher: Launcher) -> Run:
        executor = Executor(
            settings=settings,
            sharing=DeviceSharing.of(settings),
            database=database,
            launchers=Launchers(own=launcher),
            instruments=Instruments(driver),
            gpus=gpus,
            incarnation="a",
            stopping=stopping,
        )
        with database.write() as session:
            (partition,) = found.partitions
            berth = Berth(node="node-1", partition=partition.uuid, gpu=partition.gpu_uuid)
            token = leases.grant(session, runs.lock(session, run_id), berth, now(session), 60).id
        assert executor.execute(token) == run_id
        return read(database, run_id)

    with Launcher() as launcher:
        driver.add_process(4711, "trainer", found.partitions[0].uuid, 1 << 30)
        first = perform(launcher)
        assert (first.state, first.taint_retries) == (RunState.QUEUED, 1)
        assert str(first.reason).startswith("void: process 4711 (trainer)")
        driver.end_process(4711)
        last = perform(launcher)
    assert last.state is RunState.SUCCEEDED, last.reason
    assert last.taints is not None, "somebody looked"
    assert last.environment is not None
    assert "isolation" not in last.environment["hygiene"]["not_checked"]
    with database.read() as session:
        kinds = [event.name for event in session.scalars(select(RunEvent).where(RunEvent.kind == "state"))]
    assert kinds == ["queued", "placed", "running", "queued", "placed", "running", "succeeded"]
