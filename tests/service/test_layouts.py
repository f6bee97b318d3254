"""Runs with a layout of their own, and changes of layout, through the whole service on simulated GPUs.

The processes, the database and the broker are real; only the boards are not, and what ran on them is labelled so.
"""

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from migperf.gpus.drivers import open_driver
from migperf.gpus.gpu import Gpu
from migperf.gpus.inventory import discover
from migperf.gpus.layout import Layout
from migperf.gpus.simulation.driver import SimulatedDriver
from migperf.store import changes, gpus
from migperf.store.changes import Origin
from migperf.store.database import now
from migperf.store.states import ChangeState
from tests.brokers import temporary_broker
from tests.databases import temporary_database
from tests.service.harness import Service, service

pytestmark = pytest.mark.e2e
AS_TOLD = {"steady_within": None, "precision": None}
"""Phases end by steps and time."""
SHORT: dict[str, Any] = {"method": {**AS_TOLD, "min_s": 0.3, "warmup_s": 0}, "parameters": {"step_ms": 1}}
LONG: dict[str, Any] = {"method": {**AS_TOLD, "min_s": 3, "warmup_s": 0}, "parameters": {"step_ms": 5}}
SIMULATED = {"simulated": True}


EMBEDDED, CLUSTER = ("sqlite", "filesystem"), ("postgresql", "redis")
embedded = pytest.mark.parametrize("running", [EMBEDDED], ids="+".join, indirect=True)
both = pytest.mark.parametrize("running", [EMBEDDED, CLUSTER], ids="+".join, indirect=True)
"""What depends on transactions and wake-ups runs on both; the rest on the embedded service alone."""


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service on a host with a simulated H100, for all tests of this file."""
    folder = tmp_path_factory.mktemp("service")
    database, broker = request.param
    with (
        temporary_database(database, folder) as database_url,
        temporary_broker(broker) as broker_url,
        service(
            folder / "data", database_url=database_url, broker_url=broker_url, gpus="simulated:h100-80gb"
        ) as started,
    ):
        yield started


@pytest.fixture
def driver(running: Service) -> SimulatedDriver:
    """The host's driver, as another process of it sees it; its GPU is not cut, and nobody uses it."""
    opened = open_driver(running.settings)
    assert isinstance(opened, SimulatedDriver)
    uuid = gpu_of(opened).uuid
    with running.database.write() as session:
        gpus.keep_layout(session, uuid, None)
    opened.reboot()

    def is_known() -> bool:
        with running.database.read() as session:
            return gpus.get(session, uuid).boot_id == opened.boot_id()

    running.until(is_known, 20, "the boot is not noticed")
    assert known(running, uuid).layout == Layout(mig=False)
    return opened


def gpu_of(driver: SimulatedDriver) -> Gpu:
    (gpu,) = discover(driver).gpus
    return gpu


def known(running: Service, uuid: str) -> Gpu:
    with running.database.read() as session:
        return gpus.describe(gpus.get(session, uuid))


def ask_for(running: Service, uuid: str, layout: str, *, force: bool = False) -> str:
    with running.database.write() as session:
        return changes.request(session, uuid, Layout.parse(layout), now(session), force=force).id


def ended(running: Service, change_id: str) -> tuple[ChangeState, str | None]:
    """Wait until the change has ended; return how, and why."""

    def state() -> tuple[ChangeState, str | None]:
        with running.database.read() as session:
            change = changes.get(session, change_id)
            return change.state, change.reason

    running.until(lambda: state()[0].is_final, 30, lambda: f"change stays {state()}; worker: {running.log('worker')}")
    return state()


@embedded
def test_a_run_with_a_layout_is_measured_on_it_and_the_earlier_one_is_put_back(
    running: Service, driver: SimulatedDriver
) -> None:
    run_id = running.submit(
        **SHORT, layout="3g.40gb+2x2g.20gb", restore_layout=True, where={**SIMULATED, "profile": "2g.20gb"}
    )
    run = running.finish(run_id)
    assert run["state"] == "succeeded", (run, running.log("worker"))
    assert run["partition"]["kind"] == "mig"
    assert run["partition"]["profile"] == "2g.20gb"
    assert Layout.parse(run["environment"]["layout"]).without_places() == Layout.parse("3g.40gb+2x2g.20gb")
    assert run["environment"]["simulated"] is True, "nothing that ran on a simulated GPU is taken for more"
    running.until(lambda: gpu_of(driver).layout == Layout(mig=False), 20, "what was there before is put back")
    uuid = gpu_of(driver).uuid
    running.until(lambda: known(running, uuid).layout == Layout(mig=False), 20, "and the service knows")


@both
def test_a_run_with_a_layout_waits_until_the_gpu_is_idle_and_has_it_alone(
    running: Service, driver: SimulatedDriver
) -> None:
    uuid = gpu_of(driver).uuid
    assert ended(running, ask_for(running, uuid, "2x3g.40gb")) == (ChangeState.APPLIED, None)
    first = running.submit(**LONG, where={**SIMULATED, "profile": "3g.40gb"})
    running.measuring(first)
    with_layout = running.submit(**SHORT, layout="7g.80gb", where=SIMULATED)
    last = running.submit(**SHORT, where={**SIMULATED, "kind": "mig"})
    finished = [running.finish(one) for one in (first, with_layout, last)]
    assert [run["state"] for run in finished] == ["succeeded"] * 3, running.log("worker")
    assert [run["partition"]["profile"] for run in finished] == ["3g.40gb", "7g.80gb", "7g.80gb"]
    begun, ends = [run["started_at"] for run in finished], [run["finished_at"] for run in finished]
    assert ends[0] <= begun[1], "it waited, although half of the GPU was idle"
    assert ends[1] <= begun[2], "and nothing was put on the idle half meanwhile"


@embedded
def test_a_change_spares_what_runs_and_waits_for_what_it_must_destroy(
    running: Service, driver: SimulatedDriver
) -> None:
    uuid = gpu_of(driver).uuid
    ended(running, ask_for(running, uuid, "3g.40gb@4+2g.20gb@0"))
    run_id = running.submit(**LONG, where={**SIMULATED, "profile": "3g.40gb"})
    running.measuring(run_id)
    spares = ask_for(running, uuid, "3g.40gb@4+4x1g.10gb")
    assert ended(running, spares) == (ChangeState.APPLIED, None)
    assert running.run(run_id)["state"] == "running", "the run was not disturbed"
    destroys = ask_for(running, uuid, "7g.80gb")
    assert ended(running, destroys) == (ChangeState.APPLIED, None)
    run = running.run(run_id)
    assert (run["state"], run["attempt"]) == ("succeeded", 1), "it was waited for"


@both
def test_a_forced_change_sends_runs_back_into_the_queue_at_no_cost(running: Service, driver: SimulatedDriver) -> None:
    uuid = gpu_of(driver).uuid
    ended(running, ask_for(running, uuid, "7g.80gb"))
    run_id = running.submit(
        method={"min_s": 60, "warmup_s": 0}, parameters={"step_ms": 5}, where=SIMULATED, retry_limit=0
    )
    running.measuring(run_id)
    assert ended(running, ask_for(running, uuid, "2x3g.40gb", force=True)) == (ChangeState.APPLIED, None)
    again = running.measuring(run_id)
    assert (again["attempt"], again["partition"]["profile"]) == (2, "3g.40gb")
    running.http.post(f"/v1/runs/{run_id}/cancel")
    assert running.finish(run_id)["state"] == "cancelled"


@embedded
def test_an_impossible_change_fails_with_the_reason_and_a_busy_gpu_is_left_alone(
    running: Service, driver: SimulatedDriver
) -> None:
    gpu = gpu_of(driver)
    state, reason = ended(running, ask_for(running, gpu.uuid, "2x4g.40gb"))
    assert state is ChangeState.FAILED
    assert "at most 1 of 4g.40gb" in reason
    driver.add_process(4711, "somebody else's training", gpu.uuid, 1 << 20)
    state, reason = ended(running, ask_for(running, gpu.uuid, "7g.80gb"))
    assert state is ChangeState.FAILED
    assert "process 4711 (somebody else's training)" in reason
    run = running.finish(running.submit(**SHORT, layout="7g.80gb", where=SIMULATED))
    assert run["state"] == "failed"
    assert "process 4711" in run["reason"]
    assert gpu_of(driver).layout == Layout(mig=False)


@both
def test_a_worker_killed_in_the_middle_of_a_run_with_a_layout_leaves_nothing_undone(
    running: Service, driver: SimulatedDriver
) -> None:
    run_id = running.submit(**LONG, layout="3g.40gb", restore_layout=True, where=SIMULATED)
    running.measuring(run_id)
    running.stop("worker", signal.SIGKILL)
    running.start("worker")
    run = running.finish(run_id)
    assert (run["state"], run["attempt"]) == ("succeeded", 2), running.log("worker")
    running.until(lambda: gpu_of(driver).layout == Layout(mig=False), 20, "the first attempt's earlier layout is back")


@embedded
def test_changes_by_other_programs_are_noticed_and_partitions_that_vanish_are_retired(
    running: Service, driver: SimulatedDriver
) -> None:
    uuid = gpu_of(driver).uuid
    ended(running, ask_for(running, uuid, "7g.80gb"))
    (old,) = [p for p in running.http.get("/v1/partitions").json()["items"] if p["kind"] == "mig"]
    run = running.finish(running.submit(**SHORT, where={"partition": old["uuid"], **SIMULATED}))
    driver.reboot()
    running.until(lambda: known(running, uuid).layout == Layout(mig=False), 10, "the node reports it")
    assert running.http.get(f"/v1/partitions/{old['uuid']}").json()["retired_at"] is not None
    assert running.run(run["id"])["partition"]["uuid"] == old["uuid"], "history still points at it"


@embedded
def test_a_layout_that_is_to_be_kept_is_there_again_after_a_boot(running: Service, driver: SimulatedDriver) -> None:
    uuid = gpu_of(driver).uuid
    ended(running, ask_for(running, uuid, "3g.40gb@4+3g.40gb@0"))
    with running.database.write() as session:
        gpus.keep_layout(session, uuid, Layout.parse("3g.40gb@4+3g.40gb@0"))
    driver.reboot()
    running.until(
        lambda: str(gpu_of(driver).layout) == "3g.40gb@0+3g.40gb@4",
        20,
        lambda: f"it stays {gpu_of(driver).layout}; worker: {running.log('worker')}",
    )
    with running.database.read() as session:
        (newest,) = changes.latest(session, uuid)
        assert newest.origin == Origin.BOOT


@embedded
def test_a_simulated_run_does_not_disturb_a_measurement_of_the_cpu(running: Service, driver: SimulatedDriver) -> None:
    on_cpu = running.submit(**LONG, where={"kind": "cpu"})
    running.measuring(on_cpu)
    simulated = running.submit(**SHORT, where=SIMULATED)
    first, second = running.finish(on_cpu), running.finish(simulated)
    assert first["finished_at"] <= second["started_at"]
