"""What a result depends on besides the benchmark: host, processor, software versions, settings of the framework."""

import os
import platform
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from pydantic import JsonValue

import migperf
from migperf.gpus.host_cpu import memory_limit_bytes, processor_model
from workloads.registry import providers

if TYPE_CHECKING:
    import torch

MIB = 1 << 20


def host_facts() -> dict[str, JsonValue]:
    """Return what the supervisor knows: host, kernel, processor, memory, load and governor before the run."""
    return {
        "host": socket.gethostname(),
        "kernel": platform.release(),
        "processor": processor_model(),
        "logical_cpus": psutil.cpu_count(),
        "memory_mib": memory_limit_bytes() // MIB,
        "load_average_1min": os.getloadavg()[0],
        "cpu_governor": _scaling("governor"),
        "cpu_scaling_driver": _scaling("driver"),
        "migperf_version": migperf.__version__,
    }


def framework_facts(device: "torch.device", seed: int) -> dict[str, JsonValue]:
    """Return what the child knows: Python, torch, CUDA, threads, precision settings, device and seed.

    The transformers library is named where the payload is built by it.
    """
    import torch

    facts: dict[str, JsonValue] = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torch_threads": torch.get_num_threads(),
        "torch_cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "device": str(device),
        "seed": seed,
    }
    if (library := sys.modules.get("transformers")) is not None:
        facts["transformers"] = library.__version__
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        facts |= {
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
            "device_name": properties.name,
            "device_memory_mib": properties.total_memory // MIB,
            "device_sm_count": properties.multi_processor_count,
        }
    return facts


def payload_facts(workload: str) -> dict[str, JsonValue]:
    """Return the installed distribution that the workload comes from, with its version; nothing for migperf's own."""
    provider = providers().get(workload)
    return {} if provider is None else {"payload": {provider.name: provider.version}}


def _scaling(what: str) -> str | None:
    """Return what the kernel says of how the first processor's frequency is chosen; None where it has no say."""
    path = Path(f"/sys/devices/system/cpu/cpu0/cpufreq/scaling_{what}")
    return path.read_text().strip() if path.is_file() else None
