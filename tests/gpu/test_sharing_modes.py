"""On a real NVIDIA GPU: clients of MPS have their limits, green contexts their multiprocessors, and nothing stays.

Needs a GPU (``scripts/test -m gpu``); skipped where there is none. Changes no setting of the GPU: daemons of MPS are
started and stopped as the worker does it.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch

from migperf.gpus.cuda_driver import CudaDriver, CudaDriverError
from migperf.gpus.inventory import discover
from migperf.gpus.mps.control import MpsFolders
from migperf.gpus.mps.leftovers import processes_in
from migperf.gpus.mps.static import FIRST_VERSION
from migperf.gpus.nvml.backend import NvmlLibrary
from migperf.gpus.nvml_errors import NvmlError
from migperf.gpus.partition import Partition, PartitionKind
from migperf.gpus.shares import divide
from migperf.gpus.sharing import Sharing
from migperf.jobs.sharing import DeviceSharing
from migperf.measure.benchmark import Benchmark
from migperf.measure.company import Company
from migperf.measure.green_streams import green_streams
from migperf.measure.job import Job
from migperf.measure.launcher import Launcher
from migperf.measure.outcome import Ending, Outcome
from migperf.measure.perform import perform_together
from migperf.measure.rendezvous import Rendezvous
from migperf.measure.supervisor import Supervisor
from migperf.metrics.instruments import Instruments
from migperf.settings import load_settings
from tests.measure.supervised import LIMITS, Onlooker

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here")]

CLIENT = """
import json, sys
import torch
from migperf.gpus.cuda_driver import CudaDriver

mib = int(sys.argv[1])
torch.ones(1, device="cuda:0").sum().item()
try:
    fits = bool(torch.empty(mib << 20, dtype=torch.uint8, device="cuda:0").numel())
except torch.OutOfMemoryError:
    fits = False
print(json.dumps({
    "devices": torch.cuda.device_count(),
    "sm_count": torch.cuda.get_device_properties(0).multi_processor_count,
    "mps": CudaDriver().mps_enabled(),
    "fits": fits,
}), flush=True)
sys.stdin.read()
"""
WHERE = """
extern "C" __global__ void note_sm(int *seen) {
    unsigned sm;
    asm volatile("mov.u32 %0, %%smid;" : "=r"(sm));
    long long until = clock64() + 200000;
    while (clock64() < until) {}
    if (threadIdx.x == 0) seen[sm] = 1;
}
"""
SMALL = {
    "workload": "resnet18",
    "parameters": {"batch_size": 8, "image_size": 64, "data_pool": 1},
    "method": {"warmup_steps": 3, "warmup_s": 0.2, "steady_within": None, "min_steps": 20, "min_s": 0.5},
}


@pytest.fixture(scope="module")
def partition() -> Partition:
    """The first partition that is on a GPU."""
    try:
        with NvmlLibrary.open() as driver:
            found = [p for p in discover(driver).partitions if p.kind is not PartitionKind.CPU]
    except NvmlError as error:
        pytest.skip(f"no NVIDIA GPU here: {error}")
    if not found:
        pytest.skip("MIG is on, and no instance exists: there is nothing to run on")
    return found[0]


@pytest.fixture
def sharing(tmp_path: Path, partition: Partition) -> Iterator[DeviceSharing]:
    settings = load_settings(data_dir=tmp_path)
    if shutil.which(settings.mps_control) is None:
        pytest.skip(f"{settings.mps_control} is not installed here")
    yield DeviceSharing.of(settings)
    folders = MpsFolders.of(settings.mps_dir, partition.uuid)
    assert processes_in(folders, settings.mps_control) == [], "an MPS daemon or server was left running"


class Clients:
    """Processes on shares of a device, all there at once."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def start(self, partition: Partition, environment: dict[str, str], mib: int = 1) -> dict[str, Any]:
        """Return what a new process sees on the share; it stays until the test ends."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CUDA_MPS_")}
        process = subprocess.Popen(
            [sys.executable, "-c", CLIENT, str(mib)],
            env={**kept, **environment, "CUDA_VISIBLE_DEVICES": partition.visible_devices()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._stack.callback(process.wait, 60)
        self._stack.callback(process.stdin.close)
        line = process.stdout.readline()
        assert line, "the client ended without a word; its error is above"
        return json.loads(line)


def seen_by_shares(sharing: DeviceSharing, shares: tuple[Partition, ...], mib: int = 1) -> list[dict[str, Any]]:
    """Return what a client on each share sees while all of them are there."""
    with ExitStack() as stack:
        prepared = [stack.enter_context(sharing.prepared("gang", share)) for share in shares]
        clients = Clients(stack)
        told = [clients.start(s, dict(p.environment), mib) for s, p in zip(shares, prepared, strict=True)]
        assert [one.problem() for one in prepared] == [None] * len(shares)
        return told


def shares(partition: Partition, runs: int, **sharing: object) -> tuple[Partition, ...]:
    return divide(partition, Sharing.model_validate({"mode": "mps", **sharing}), runs)


def test_two_clients_at_half_each_see_fewer_multiprocessors_than_one_without_mps(
    sharing: DeviceSharing, partition: Partition
) -> None:
    with ExitStack() as stack:
        whole = Clients(stack).start(partition, {})
    assert (whole["mps"], whole["sm_count"]) == (False, partition.sm_count)
    for seen in seen_by_shares(sharing, shares(partition, 2)):
        assert (seen["mps"], seen["devices"]) == (True, 1)
        # Multiprocessors are given in pairs at least.
        assert abs(seen["sm_count"] - partition.sm_count / 2) <= 2
    with ExitStack() as stack:
        after = Clients(stack).start(partition, {})
    assert after == whole, "nothing of MPS is left on the GPU"


def test_a_client_gets_no_more_memory_than_its_limit(sharing: DeviceSharing, partition: Partition) -> None:
    (within,) = seen_by_shares(sharing, shares(partition, 2, memory_limit_mib=3072)[:1], mib=1024)
    (beyond,) = seen_by_shares(sharing, shares(partition, 2, memory_limit_mib=3072)[:1], mib=4096)
    assert (within["fits"], beyond["fits"]) == (True, False)


def test_static_partitions_have_the_multiprocessors_that_the_daemon_lists(
    sharing: DeviceSharing, partition: Partition
) -> None:
    with sharing.prepared("first", shares(partition, 2)[0]) as prepared:
        version = prepared.facts["mps_control_version"]
    if version is None or version < FIRST_VERSION:
        pytest.skip(f"static partitions need an MPS control program of version {FIRST_VERSION}; this is {version}")
    both = shares(partition, 2, static=True)
    with sharing.prepared("gang", both[0]) as prepared:
        listed = prepared.facts["mps_static_sm_count"]
    assert [seen["sm_count"] for seen in seen_by_shares(sharing, both)] == [listed] * 2


def test_runs_of_a_group_are_measured_through_mps(sharing: DeviceSharing, partition: Partition, tmp_path: Path) -> None:
    both, meeting = shares(partition, 2), Rendezvous(2)

    def one(launcher: Launcher, share: Partition) -> Outcome:
        with sharing.prepared("gang", share) as prepared:
            job = Job(
                run_id=str(share.share.index),
                benchmark=Benchmark.model_validate({**SMALL, "scenario": "single_stream"}),
                partition=share,
                timeout_s=120.0,
                company=Company(group="gang", members=2, measured=True),
                environment=dict(prepared.environment),
                facts=dict(prepared.facts),
            )
            log = tmp_path / f"{job.run_id}.log"
            supervisor = Supervisor(launcher, Instruments(), job, Onlooker(), log, LIMITS)
            return perform_together(supervisor, job.run_id, meeting)

    with Launcher() as launcher, ThreadPoolExecutor(2) as pool:
        launcher.wait_until_warm()
        outcomes = list(pool.map(lambda share: one(launcher, share), both))
    assert [(o.ending, o.reason) for o in outcomes] == [(Ending.SUCCEEDED, None)] * 2
    for outcome in outcomes:
        assert outcome.environment["mps_enabled"] is True
        assert outcome.environment["mps_thread_pct"] == 50
    assert len({outcome.finished.window_start_ns for outcome in outcomes}) == 1


@pytest.mark.parametrize("count", [1, 2, 4])
def test_green_contexts_run_on_multiprocessors_of_their_own(count: int) -> None:
    """Seen from the device: the numbers of the multiprocessors that each stream's blocks ran on."""
    if not hasattr(torch.cuda, "_compile_kernel"):
        pytest.skip("this PyTorch cannot compile the kernel that looks (2.9 can)")
    torch.ones(1, device="cuda:0").sum().item()
    try:
        split = CudaDriver().split(count)
    except CudaDriverError as error:
        pytest.skip(str(error))
    streams = green_streams(split, torch.device("cuda:0"))
    kernel = torch.cuda._compile_kernel(WHERE, "note_sm")
    noted = [torch.zeros(1024, dtype=torch.int32, device="cuda:0") for _ in range(count)]
    torch.cuda.synchronize()
    for number, seen in enumerate(noted):
        with streams.enter(number):
            kernel(grid=(4096, 1, 1), block=(128, 1, 1), args=[seen])
    torch.cuda.synchronize()
    used = [set(seen.nonzero().flatten().tolist()) for seen in noted]
    assert [len(sms) for sms in used] == [stream.sm_count for stream in split.streams]
    assert len(set().union(*used)) == sum(len(sms) for sms in used), "no multiprocessor is in two contexts"
    whole = torch.cuda.get_device_properties(0).multi_processor_count
    assert sum(len(sms) for sms in used) + split.unused_sms == whole


def test_a_run_of_streams_in_green_contexts_says_what_was_granted(partition: Partition, tmp_path: Path) -> None:
    (share,) = divide(partition, Sharing(mode="green_context"), 1)
    asked = {**SMALL, "scenario": "multi_stream", "load": {"streams": 2}}
    job = Job(run_id="test", benchmark=Benchmark.model_validate(asked), partition=share, timeout_s=120.0)
    with Launcher() as launcher:
        launcher.wait_until_warm()
        outcome = Supervisor(launcher, Instruments(), job, Onlooker(), tmp_path / "log", LIMITS).run()
    if outcome.ending is Ending.DOES_NOT_COMPILE:
        pytest.skip(outcome.reason)
    assert outcome.ending is Ending.SUCCEEDED, outcome.reason
    counts = outcome.environment["green_context_sm_counts"]
    assert len(counts) == 2
    assert len(set(counts)) == 1
    assert sum(counts) + outcome.environment["green_context_unused_sms"] == partition.sm_count
