"""``migperf roofline`` and ``migperf calibrate`` against the real API; the test plays the worker."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import select

from migperf.store import leases, results, runs
from migperf.store.database import Database, now
from migperf.store.models import Run
from migperf.store.states import RunState
from tests import builders
from tests.analysis.calibrated_runs import UUID, WINDOW_S, calibrated, figures, ran, registered
from tests.cli.conftest import Cli

pytestmark = pytest.mark.timeout(30)
COST = {"flops": 1e12, "bytes": 20e9, "least_bytes": 1e9}


@pytest.fixture(autouse=True)
def service(service_url: str, environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command finds the service by the environment."""
    monkeypatch.setenv("MIGPERF_URL", service_url)


def perform(database: Database, failing: str) -> dict[str, Any] | None:
    """Perform the run that waits, if one does, on the partition that it asks for; return its benchmark."""
    with database.write() as session:
        run = session.scalars(select(Run).where(Run.state == RunState.QUEUED)).first()
        if run is None:
            return None
        parameters, at = run.benchmark["parameters"], now(session)
        lease = builders.place(session, runs.lock(session, run.id), at, run.benchmark["where"]["partition"])
        leases.claim(session, lease.id, "incarnation", at, 15)
        run.window_start_ns, run.window_end_ns = 10**9, (1 + WINDOW_S) * 10**9
        flops = 0.0 if run.workload == "memory-copy" else 1e12
        results.store_figures(session, run.id, figures(60, flops=flops, bytes=5e9, least_bytes=5e9))
        failed = parameters.get("precision") == failing
        leases.finish(session, lease.id, RunState.FAILED if failed else RunState.SUCCEEDED, at, None)
        return dict(run.benchmark)


@contextmanager
def worker(database: Database, failing: str = "none") -> Iterator[list[dict[str, Any]]]:
    """Perform every run as it comes; at most one ever waits."""
    done: list[dict[str, Any]] = []
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            if (benchmark := perform(database, failing)) is not None:
                done.append(benchmark)
            time.sleep(0.01)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield done
    finally:
        over.set()
        thread.join()


def living(database: Database, *uuids: str, **more: object) -> None:
    """Have a node that is alive now."""
    with database.write() as session:
        builders.register(session, now(session), *(builders.partition(uuid, **more) for uuid in uuids))


def test_calibrating_runs_each_precision_and_the_copy_and_prints_what_is_attained(cli: Cli, database: Database) -> None:
    living(database, "CPU-1")
    with worker(database) as done:
        said = cli("calibrate")
    assert said.status == 0, said.err
    assert [benchmark["parameters"].get("precision") for benchmark in done] == ["fp32", "bf16", "fp16", None]
    assert {benchmark["method"]["min_steps"] for benchmark in done} == {60}
    rows = [line.split() for line in said.out.splitlines()]
    assert ["fp32", "products", "12.00", "TFLOP/s", "11.76", "to", "12.24"] in [row[-7:] for row in rows]
    assert ["memory", "copy", "60.0", "GB/s", "58.8", "to", "61.2"] in [row[-7:] for row in rows]
    assert "matrix-product fp32 on cpu CPU-1: succeeded" in said.err


def test_only_the_partitions_meant_are_calibrated_and_the_method_can_be_set(cli: Cli, database: Database) -> None:
    living(database, "GPU-1", "GPU-2", kind="gpu", architecture="hopper")
    with worker(database) as done:
        said = cli("calibrate", "--where", "partition=GPU-2", "-m", "min_s=1", "-m", "min_steps=7", "--json")
    assert {benchmark["where"]["partition"] for benchmark in done} == {"GPU-2"}
    assert len(done) == 5
    assert {(one["method"]["min_s"], one["method"]["min_steps"]) for one in done} == {(1, 7)}
    [document] = said.document
    assert (document["partition"], len(document["roofs"])) == ("GPU-2", 4)
    assert document["bytes_per_s"]["value"] == pytest.approx(60e9)


def test_a_calibration_that_fails_is_told_and_the_others_still_count(cli: Cli, database: Database) -> None:
    living(database, "CPU-1")
    with worker(database, failing="fp16"):
        said = cli("calibrate")
    assert said.status == 1
    assert "matrix-product fp16 on cpu CPU-1: failed" in said.err
    assert "fp32 products" in said.out
    assert "fp16 products" not in said.out


@pytest.mark.parametrize(("where", "expected"), [("kind=mig", "no partition of a living node"), ("kind", "name=value")])
def test_conditions_that_nothing_meets_are_a_usage_error(
    cli: Cli, database: Database, where: str, expected: str
) -> None:
    living(database, "CPU-1")
    said = cli("calibrate", "--where", where)
    assert (said.status, said.out) == (2, "")
    assert expected in said.err


def test_a_run_is_shown_under_its_roofs_within_80_columns(cli: Cli, database: Database) -> None:
    registered(database)
    calibrated(database)
    said = cli("roofline", ran(database, figures(20, **COST)))
    assert said.status == 0, said.err
    rows = [line.split() for line in said.out.splitlines()]
    assert ["fp32*", "unfused", "50.0", "100", "5.00", "0.800"] in [row[:6] for row in rows]
    assert ["least", "1000", "100", "10.0", "0.400"] in [row[:5] for row in rows]
    assert [row[-1] for row in rows if row and row[0] in ("fp32*", "least")] == ["memory", "compute"]
    assert "4.00 TFLOP/s" in said.out
    assert max(map(len, said.out.splitlines())) <= 80
    assert "overhead" not in said.out


def test_a_run_near_neither_limit_is_said_to_be(cli: Cli, database: Database) -> None:
    registered(database)
    calibrated(database)
    said = cli("roofline", ran(database, figures(20, flops=1e9, bytes=1e6, least_bytes=1e6)))
    assert "overhead: near neither limit" in said.out


def test_without_a_calibration_the_command_that_makes_it_is_named(cli: Cli, database: Database) -> None:
    registered(database)
    run_id = ran(database, figures(20, **COST))
    said = cli("roofline", run_id)
    assert said.status == 0
    assert f"migperf calibrate --where partition={UUID}" in " ".join(said.out.split())
    assert cli("roofline", run_id, "--json").document["roofs"] == []
    assert cli("roofline", "none").status == 1
