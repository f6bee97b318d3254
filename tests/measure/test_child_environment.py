"""A child has the variables that its run was given before anything in it can ask for a GPU, and no others of MPS."""

from pathlib import Path

import pytest

from migperf.gpus.mps.client import client_environment, limits_of
from migperf.gpus.mps.daemon import MpsDaemon
from migperf.measure.benchmark import Benchmark
from migperf.measure.job import Job
from migperf.measure.launcher import Launcher
from migperf.measure.outcome import Ending
from migperf.measure.supervisor import Supervisor
from migperf.metrics.instruments import Instruments
from tests.gpus.mps.host import GPU, PROGRAM, gpu, shares
from tests.measure.supervised import LIMITS, QUICK, Onlooker


def cuda_variables(folder: Path, partition: object, environment: dict[str, str]) -> dict[str, str]:
    """Return CUDA's variables in the child of a run on this partition."""
    note = folder / "environment"
    asked = {
        "workload": "test-misbehave",
        "parameters": {"how": "tell_environment", "note": str(note)},
        "scenario": "single_stream",
        "method": QUICK,
    }
    benchmark = Benchmark.model_validate(asked)
    job = Job(run_id="test", benchmark=benchmark, partition=partition, timeout_s=60.0, environment=environment)
    with Launcher() as launcher:
        outcome = Supervisor(launcher, Instruments(), job, Onlooker(), folder / "log", LIMITS).run()
    assert outcome.ending is Ending.SUCCEEDED, outcome.reason
    return dict(line.split("=", 1) for line in note.read_text().splitlines())


def test_a_child_has_what_a_client_of_its_daemon_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a simulated GPU, where the child computes on the CPU; what the driver would read is the same."""
    monkeypatch.setenv("CUDA_MPS_PIPE_DIRECTORY", "/somebody/elses")
    monkeypatch.setenv("CUDA_MPS_CLIENT_PRIORITY", "1")
    share = shares(4, memory_limit_mib=1000)[2]
    with MpsDaemon(GPU, tmp_path / "mps", program=PROGRAM, limits=limits_of(share)) as daemon:
        environment = client_environment(share, daemon)
        told = cuda_variables(tmp_path, shares(4, gpu(simulated=True))[2], environment)
        assert told == {
            "CUDA_VISIBLE_DEVICES": "",
            "CUDA_MPS_PIPE_DIRECTORY": str(daemon.folders.pipe),
            "CUDA_MPS_LOG_DIRECTORY": str(daemon.folders.log),
            "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE": "25",
            "CUDA_MPS_PINNED_DEVICE_MEM_LIMIT": "0=1000M",
        }


def test_a_run_that_was_given_nothing_has_nothing_of_mps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_MPS_PIPE_DIRECTORY", "/somebody/elses")
    assert cuda_variables(tmp_path, gpu(simulated=True), {}) == {"CUDA_VISIBLE_DEVICES": ""}
