"""Part of ``sampler.py``: our sampler on the C library, seven runs at 100 Hz; prints what it cost as JSON."""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from filelock import FileLock
from sampler_host import BOARD, LAYOUT, set_readings

from migperf.gpus.controller import Controller
from migperf.gpus.inventory import discover
from migperf.gpus.layout import Layout
from migperf.gpus.nvml.backend import NvmlLibrary
from migperf.gpus.partition import Partition
from migperf.metrics import catalogue
from migperf.metrics.gpu import board
from migperf.metrics.gpu.gpm_sources import instance_gpm_source, instances_gpm_source
from migperf.metrics.gpu.handle import Handle
from migperf.metrics.gpu.partition import memories_source, memory_source
from migperf.metrics.gpu.plan import board_sources, joint_sources, partition_sources
from migperf.metrics.gpu.power import power_source
from migperf.metrics.metric import Metric, Scope
from migperf.metrics.sampler import Sampler, Sources
from migperf.metrics.series import Series
from migperf.metrics.source import Source
from migperf.metrics.watch import Watch
from tests.gpus.nvml.fake_host import FakeHost

HZ = 100
TAKE_EVERY_S = 2.0
"""As often as a supervisor takes what has been recorded."""


def main() -> None:
    """Cut, watch, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--driver-library", type=Path, required=True)
    parser.add_argument("--every-turn", action="store_true")
    given = parser.parse_args()
    host = FakeHost(given.driver_library)
    host.start(BOARD)
    driver = NvmlLibrary.open()
    uuid = driver.uuid(driver.device_by_index(0))
    lock = FileLock(given.driver_library.with_name("lock"))
    Controller(driver=driver, lock=lock, holders=lambda _: {}).apply(uuid, Layout.parse(LAYOUT))
    partitions = [p for p in discover(driver, offer_cpu=False).partitions if p.gpu_uuid]
    set_readings(host, [driver.gpu_instance_id_of(driver.device_by_uuid(p.uuid)) for p in partitions])
    print(json.dumps(cost(driver, partitions, given.seconds, every_turn=given.every_turn)))


def cost(driver: NvmlLibrary, partitions: list[Partition], seconds: float, *, every_turn: bool) -> dict[str, float]:
    """Watch a run on each partition for some seconds; return CPU time, turns, samples and lateness."""
    gpu = Handle(driver, partitions[0].gpu_uuid or "")
    lateness, took = (
        Metric.of(quantity, Scope.HOST, "sampler")
        for quantity in (catalogue.GPU_SAMPLER_LATENESS, catalogue.GPU_SAMPLER_COST)
    )
    shared = shared_at_every_turn(gpu, partitions) if every_turn else shared_as_watched(gpu)
    sampler = Sampler("gpu", lateness, took, lambda: shared)
    watches = [sampler.watch(Sources(sources_of(gpu, p, every_turn=every_turn)), HZ) for p in partitions]
    pass_time(watches, 1.0)
    start_ns, cpu_s = time.monotonic_ns(), time.process_time()
    pass_time(watches, seconds)
    cpu_s, end_ns = time.process_time() - cpu_s, time.monotonic_ns()
    for watch in watches:
        watch.close()
    return {"cpu_s": cpu_s, **work(watches, start_ns, end_ns)}


def shared_as_watched(gpu: Handle) -> Sources:
    """Return what runs on a cut GPU are watched by together."""
    return Sources(board_sources(gpu.driver, gpu.uuid, mig=True), joint=joint_sources(gpu.driver, gpu.uuid))


def shared_at_every_turn(gpu: Handle, partitions: list[Partition]) -> Sources:
    """Return clocks, power, and memory and activity of all instances, each read at every turn."""
    devices = [Handle(gpu.driver, partition.uuid) for partition in partitions]
    joint = memories_source(devices, period_ns=0), instances_gpm_source(gpu, devices, period_ns=0)
    return Sources((board.clock_source(gpu), power_source(gpu, period_ns=0)), joint=joint)


def sources_of(gpu: Handle, partition: Partition, *, every_turn: bool) -> tuple[Source, ...]:
    """Return what one run is watched by for itself: of the joint sources, what they read for it."""
    if not every_turn:
        return partition_sources(gpu.driver, partition)
    device = Handle(gpu.driver, partition.uuid)
    return instance_gpm_source(gpu, device), memory_source(device, Scope.INSTANCE)


def pass_time(watches: list[Watch], seconds: float) -> None:
    """Take what is recorded, as a supervisor does, until the time is over."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, TAKE_EVERY_S))
        for watch in watches:
            watch.take()


def work(watches: list[Watch], start_ns: int, end_ns: int) -> dict[str, float]:
    """Return what was done between two times: turns, metrics of a run at every turn, samples, lateness."""
    seconds = (end_ns - start_ns) / 1e9
    counts = [[len(s.chunk.between(start_ns, end_ns)) for s in measured(watch)] for watch in watches]
    late = next(s for s in watches[0].series() if s.metric.name == "gpu_sampler_lateness").chunk
    late_ms = late.between(start_ns, end_ns).value
    return {
        "turns_per_s": len(late_ms) / seconds,
        "metrics": float(min(sum(count > 0.95 * len(late_ms) for count in of_run) for of_run in counts)),
        "samples_per_s": sum(map(sum, counts)) / seconds,
        "late_p50_ms": float(np.quantile(late_ms, 0.5)),
        "late_p99_ms": float(np.quantile(late_ms, 0.99)),
    }


def measured(watch: Watch) -> list[Series]:
    """Return the series of a run but for those of the sampler itself."""
    return [series for series in watch.series() if series.metric.source != "sampler"]


if __name__ == "__main__":
    main()
