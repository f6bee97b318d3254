"""On a real NVIDIA GPU: what migperf says of a partition is what CUDA finds there, and a run ends up on it.

Needs a GPU (``scripts/test -m gpu``); skipped where there is none. Changes nothing on the GPU.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from migperf.gpus.driver import Driver
from migperf.gpus.inventory import Inventory, discover
from migperf.gpus.nvml.backend import NvmlLibrary
from migperf.gpus.nvml_errors import NvmlError
from migperf.gpus.partition import Partition, PartitionKind
from migperf.measure.benchmark import Benchmark
from migperf.measure.job import Job
from migperf.measure.launcher import Launcher
from migperf.measure.outcome import Ending, Stop
from migperf.measure.phases import Phase
from migperf.measure.supervisor import Limits, Standing, Supervisor
from migperf.metrics.instruments import Instruments
from migperf.metrics.metric import Metric
from migperf.metrics.series import Chunk

pytestmark = pytest.mark.gpu

MIB = 1 << 20
SMALL = {
    "workload": "resnet18",
    "scenario": "offline",
    "parameters": {"batch_size": 8, "image_size": 64, "data_pool": 1},
    "method": {"warmup_steps": 3, "warmup_s": 0.2, "min_steps": 20, "min_s": 0.5},
}
WHAT_CUDA_SEES = """
import json
import torch

seen = torch.cuda.device_count()
properties = torch.cuda.get_device_properties(0)
torch.ones(1, device="cuda:0").sum().item()
print(json.dumps({
    "devices": seen,
    "name": properties.name,
    "uuid": str(properties.uuid),
    "memory_mib": properties.total_memory / 2**20,
    "sm_count": properties.multi_processor_count,
}))
"""


class Patient:
    """A watcher that lets a run go on, and remembers its phases."""

    def __init__(self) -> None:
        self.phases: list[Phase] = []

    def entered(self, phase: Phase, at_ns: int) -> None:
        self.phases.append(phase)

    def tick(self, standing: Standing) -> Stop | None:
        return None

    def samples(self, chunks: list[tuple[Metric, Chunk]]) -> None:
        return


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    """NVIDIA's driver on this host."""
    try:
        opened = NvmlLibrary.open()
    except NvmlError as error:
        pytest.skip(f"no NVIDIA GPU here: {error}")
    with opened:
        if opened.device_count() == 0:
            pytest.skip("NVIDIA's driver is loaded, and there is no GPU")
        yield opened


@pytest.fixture(scope="module")
def inventory(driver: Driver) -> Inventory:
    return discover(driver)


@pytest.fixture(scope="module")
def partition(inventory: Inventory) -> Partition:
    """The first partition that is on a GPU."""
    on_gpus = [p for p in inventory.partitions if p.kind is not PartitionKind.CPU]
    problems = [gpu.problem for gpu in inventory.gpus if gpu.problem is not None]
    if not on_gpus and not problems:
        pytest.skip("MIG is on, and no instance exists: there is nothing to run on")
    assert on_gpus, f"no GPU can be used: {problems}"
    return on_gpus[0]


@pytest.fixture(scope="module")
def seen(partition: Partition) -> dict[str, object]:
    """What torch sees in a process that was given the partition, as a run's child is."""
    variables = {**os.environ, "CUDA_VISIBLE_DEVICES": partition.visible_devices()}
    command = [sys.executable, "-c", WHAT_CUDA_SEES]
    child = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, check=False)
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout.splitlines()[-1])


def test_every_gpu_can_be_read(driver: Driver, inventory: Inventory) -> None:
    assert len(inventory.gpus) == driver.device_count()
    assert [gpu.problem for gpu in inventory.gpus] == [None] * len(inventory.gpus)
    assert not any(gpu.simulated for gpu in inventory.gpus)


def test_a_partition_is_the_only_device_of_a_process_that_is_given_its_uuid(
    partition: Partition, seen: dict[str, object]
) -> None:
    """With a UUID that CUDA does not know there would be none, with an index there might be the neighbour's."""
    assert seen["devices"] == 1
    # Some versions of CUDA tell the UUID of the GPU in an instance of it. Torch leaves the prefix out.
    known = {partition.uuid, partition.gpu_uuid}
    assert bare(str(seen["uuid"])) in {bare(uuid) for uuid in known if uuid}
    assert partition.model in str(seen["name"])


def bare(uuid: str) -> str:
    return uuid.removeprefix("GPU-").removeprefix("MIG-").lower()


def test_memory_and_multiprocessors_are_those_that_cuda_finds(partition: Partition, seen: dict[str, object]) -> None:
    assert partition.sm_count == seen["sm_count"]
    # CUDA leaves out what the driver keeps for itself: some hundred MiB of a GPU, of an instance a little.
    assert 0.95 * partition.memory_mib <= seen["memory_mib"] <= partition.memory_mib


def test_a_run_on_the_partition_succeeds_and_its_environment_names_the_gpu(
    partition: Partition, tmp_path: Path
) -> None:
    job = Job(run_id="test", benchmark=Benchmark.model_validate(SMALL), partition=partition, timeout_s=150.0)
    watcher, log = Patient(), tmp_path / "log"
    with Launcher() as launcher:
        launcher.wait_until_warm()
        outcome = Supervisor(launcher, Instruments(), job, watcher, log, Limits(tick_s=0.2)).run()
    assert outcome.ending is Ending.SUCCEEDED, f"{outcome.reason}\n{log.read_text()}"
    assert watcher.phases == [phase for phase in Phase if phase not in (Phase.SEARCHING, Phase.PROFILING)]
    assert outcome.environment["device"] == "cuda:0"
    assert partition.model in outcome.environment["device_name"]
    assert outcome.environment["device_sm_count"] == partition.sm_count
    figures = {figure.name: figure for figure in outcome.figures}
    assert figures["throughput"].value > 0
    assert 0 < figures["peak_allocated"].value < partition.memory_mib, "memory of the GPU was used, in MiB"
