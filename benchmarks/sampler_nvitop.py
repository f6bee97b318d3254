"""Part of ``sampler.py``: nvitop's collector on the same library, a collection a turn; prints what it cost as JSON.

Runs under a Python that has nvitop, and needs nothing else: the layout is cut by plain NVML calls.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import pynvml
from sampler_host import BOARD, INSTANCES, set_readings

from tests.gpus.nvml.fake_host import FakeHost

HZ = 100


def main() -> None:
    """Cut, collect, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--driver-library", type=Path, required=True)
    given = parser.parse_args()
    host = FakeHost(given.driver_library)
    host.start(BOARD)
    pynvml.nvmlInit()
    set_readings(host, cut_in_seven())
    from nvitop import Device, ResourceMetricCollector

    gpu = Device(0)
    collector = ResourceMetricCollector([gpu, *gpu.mig_devices()])
    with collector(tag="run"):
        collect(collector, 1.0)
        before_s = time.process_time()
        late_ms, figures = collect(collector, given.seconds)
        cpu_s = time.process_time() - before_s
    late_ms.sort()
    result = {
        "cpu_s": cpu_s,
        "turns_per_s": len(late_ms) / given.seconds,
        "metrics": figures / (1 + INSTANCES),
        "samples_per_s": figures * len(late_ms) / given.seconds,
        "late_p50_ms": statistics.median(late_ms),
        "late_p99_ms": late_ms[int(0.99 * len(late_ms))],
    }
    print(json.dumps(result))


def cut_in_seven() -> list[int]:
    """Cut the GPU into its smallest instances and return their ids."""
    gpu = pynvml.nvmlDeviceGetHandleByIndex(0)
    pynvml.nvmlDeviceSetMigMode(gpu, pynvml.NVML_DEVICE_MIG_ENABLE)
    gpu = pynvml.nvmlDeviceGetHandleByIndex(0)
    profile = pynvml.nvmlDeviceGetGpuInstanceProfileInfo(gpu, pynvml.NVML_GPU_INSTANCE_PROFILE_1_SLICE, 2)
    return [cut_one(gpu, profile.id) for _ in range(INSTANCES)]


def cut_one(gpu: object, profile_id: int) -> int:
    """Cut one instance with a compute instance that fills it."""
    instance = pynvml.nvmlDeviceCreateGpuInstance(gpu, profile_id)
    compute = pynvml.nvmlGpuInstanceGetComputeInstanceProfileInfo(
        instance, pynvml.NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE, pynvml.NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED
    )
    pynvml.nvmlGpuInstanceCreateComputeInstance(instance, compute.id)
    return int(pynvml.nvmlGpuInstanceGetInfo(instance).id)


def collect(collector: object, seconds: float) -> tuple[list[float], int]:
    """Collect at each turn; a turn that is missed is left out. Return how late each began, ms, and what one gave.

    The collector keeps mean, minimum, maximum and last of each metric; they count as one.
    """
    period_s = 1 / HZ
    due = begin = time.monotonic()
    late_ms: list[float] = []
    latest: dict[str, float] = {}
    while due < begin + seconds:
        time.sleep(max(0.0, due - time.monotonic()))
        now = time.monotonic()
        late_ms.append((now - due) * 1e3)
        latest = collector.collect()
        due += period_s * max(1, -(-(time.monotonic() - due) // period_s))
    given = [name for name, value in latest.items() if name.endswith("/last") and value == value]  # noqa: PLR0124
    return late_ms, len(given)


if __name__ == "__main__":
    main()
