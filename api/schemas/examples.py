"""The examples of the documentation: one run that succeeded, seen from all sides."""

from pydantic import JsonValue

RUN_ID = "019ab3f2-7c1e-7d10-9d4e-5b1f0c2a6e77"
PARTITION_UUID = "MIG-2f0c0a57-6d0d-5f5e-9a38-9a4d4f6f4c11"
GPU_UUID = "GPU-8c9a5a0e-1f4e-3b51-8d55-0c6f5e0e7a42"
EXPERIMENT_ID = "019ab3f1-64d0-7a92-b1c3-7e2f90a4d615"
FINGERPRINT = "5f1d3c9a8e7b6a5040302010f0e0d0c0b0a090807060504030201000ffeeddcc"

BENCHMARK: dict[str, JsonValue] = {
    "workload": "vit-c-1gf",
    "scenario": "single_stream",
    "parameters": {"batch_size": 1, "image_size": 224, "classes": 1000},
    "load": None,
    "engine": {"runtime": "compile", "precision": "bf16", "channels_last": False},
    "method": {
        "warmup_steps": 3,
        "warmup_s": 1.0,
        "min_steps": 10,
        "min_s": 5.0,
        "max_s": 300.0,
        "sample_hz": 10.0,
    },
    "search": None,
    "profile": False,
    "seed": 0,
    "environment": None,
    "where": {"kind": "mig", "profile": "1g.10gb", "gpu_model": None, "node": None, "partition": None},
    "layout": None,
    "restore_layout": False,
}
RUN_PARTITION: dict[str, JsonValue] = {
    "uuid": PARTITION_UUID,
    "kind": "mig",
    "model": "NVIDIA H100 80GB HBM3",
    "profile": "1g.10gb",
    "gpu_uuid": GPU_UUID,
    "placement": {"start": 2, "size": 1},
    "architecture": "hopper",
    "driver_version": "570.124.06",
    "node": "gpu-node-3",
    "simulated": False,
}
_HOLDER_ID = "019ab3f2-7c21-7b31-8a0f-2c9be57d4f10"
RUN: dict[str, JsonValue] = {
    "id": RUN_ID,
    "url": f"/v1/runs/{RUN_ID}",
    "page": f"/runs/{RUN_ID}",
    "state": "succeeded",
    "version": 41,
    "workload": "vit-c-1gf",
    "scenario": "single_stream",
    "fingerprint": FINGERPRINT,
    "benchmark": BENCHMARK,
    "priority": 0,
    "timeout_s": 3600.0,
    "retry_limit": 2,
    "labels": {"commit": "4f1c2d7", "experiment": "profiles"},
    "attempt": 1,
    "losses": 0,
    "phase": None,
    "progress": 1.0,
    "partition": RUN_PARTITION,
    "created_at": "2026-03-02T09:15:00.120000Z",
    "started_at": "2026-03-02T09:15:00.481000Z",
    "finished_at": "2026-03-02T09:15:09.032000Z",
    "duration_s": 8.551,
    "cancel_requested_at": None,
    "reason": None,
    "measured": {
        "window_s": 5.004,
        "warmup_ended_by": "steady",
        "warmup_note": "steady within 2.0% from sample 31 of 212 on",
        "measuring_ended_by": "precision",
        "measuring_note": "mean to ±0.8 % (asked for ±1 %)",
        "converged": True,
    },
    "tainted": True,
    "taints": [
        {
            "rule": "busy_instances",
            "seen": "the GPU's other instances were active for 41.3 % of the time",
            "threshold": "1 %",
            "remedy": "leave the rest of the GPU idle: its instances share power, clocks and links",
        }
    ],
    "taint_retry_limit": 0,
    "taint_retries": 0,
    "environment": {"host": "gpu-node-3", "torch": "2.11.0", "python": "3.12.4"},
    "experiment": {
        "id": EXPERIMENT_ID,
        "url": f"/v1/experiments/{EXPERIMENT_ID}",
        "page": f"/experiments/{EXPERIMENT_ID}",
        "report": f"/v1/experiments/{EXPERIMENT_ID}/report",
        "cell": 3,
        "repeat": 0,
        "attempt": 1,
        "role": "client",
        "member": 0,
    },
}
WAITING_RUN: dict[str, JsonValue] = RUN | {
    "state": "queued",
    "version": 1,
    "attempt": 0,
    "progress": 0.0,
    "partition": None,
    "started_at": None,
    "finished_at": None,
    "duration_s": None,
    "measured": None,
    "tainted": None,
    "taints": None,
    "environment": None,
    "wait": {
        "kind": "held",
        "reason": "the only place that suits it, NVIDIA H100 80GB HBM3 1g.10gb on gpu-node-3, is held by another run",
        "ahead": 2,
        "held_by": [{"run": _HOLDER_ID, "page": f"/runs/{_HOLDER_ID}"}],
    },
}
TIMELINE_ITEM: dict[str, JsonValue] = {
    "id": 8123,
    "at": "2026-03-02T09:15:00.481000Z",
    "attempt": 1,
    "kind": "state",
    "name": "running",
    "detail": None,
}
WINDOW: dict[str, JsonValue] = {"start_s": 2.51, "end_s": 7.514}
FIGURES: list[JsonValue] = [
    {
        "name": "latency_mean",
        "unit": "ms",
        "scope": "process",
        "value": 4.118,
        "interval": {"low": 4.102, "high": 4.134, "level": 0.95, "method": "batch means"},
        "samples": 1214,
        "absent": None,
        "method": None,
        "update_period_ms": None,
    },
    {
        "name": "latency_p99",
        "unit": "ms",
        "scope": "process",
        "value": None,
        "interval": None,
        "samples": 42,
        "absent": "needs at least 300 steps, 42 were measured; raise min_steps or min_s",
        "method": None,
        "update_period_ms": None,
    },
    {
        "name": "gpu_energy",
        "unit": "J",
        "scope": "gpu",
        "value": 1072.4,
        "interval": None,
        "samples": 50,
        "absent": None,
        "method": "counter difference",
        "update_period_ms": 100.0,
    },
]
SERIES: dict[str, JsonValue] = {
    "name": "power_average",
    "unit": "W",
    "scope": "gpu",
    "source": "nvml",
    "kind": "gauge",
    "period_ms": 100.0,
    "absent": None,
    "thinned_from": None,
}
GAP: dict[str, JsonValue] = {
    "start_s": 2.61,
    "end_s": 2.71,
    "state": "stalled",
    "reason": "the sampler did not get to run",
}
SUMMARY: dict[str, JsonValue] = {
    "samples": 50,
    "covered": 0.98,
    "mean": 214.3,
    "minimum": 201.5,
    "maximum": 231.9,
    "p50": 214.0,
    "p90": 225.2,
    "p95": 228.1,
    "p99": 231.0,
    "total": 1072.4,
    "total_unit": "J",
    "share": None,
    "events": None,
    "absent": None,
}
WORKLOAD: dict[str, JsonValue] = {
    "name": "vit-c-1gf",
    "title": "ViT-C 1 GF",
    "summary": "Vision transformer of 11 blocks with a convolutional stem (3x3 convolutions), classifying images.",
    "tasks": ["inference", "training"],
    "scenarios": ["offline", "single_stream", "train"],
    "paper": "arXiv 2106.14881",
    "facts": {"parameters": "4.6 M", "multiply-adds": "1.1 G"},
    "engines": {
        "runtimes": ["eager", "compile", "cuda_graph", "onnx_runtime"],
        "precisions": ["fp32", "tf32", "bf16", "fp16"],
        "channels_last": True,
        "refused": {},
    },
    "url": "/v1/workloads/vit-c-1gf",
}
PARTITION: dict[str, JsonValue] = {
    "uuid": PARTITION_UUID,
    "kind": "mig",
    "model": "NVIDIA H100 80GB HBM3",
    "profile": "1g.10gb",
    "gpu_uuid": GPU_UUID,
    "placement": {"start": 2, "size": 1},
    "architecture": "hopper",
    "driver_version": "570.124.06",
    "memory_mib": 9984,
    "sm_count": 16,
    "cpus": None,
    "simulated": False,
    "node": "gpu-node-3",
    "node_alive": True,
    "run": RUN_ID,
    "seen_at": "2026-03-02T09:15:03Z",
    "retired_at": None,
}
NODE: dict[str, JsonValue] = {
    "name": "gpu-node-3",
    "host": "gpu-node-3.cluster",
    "version": "0.1.0",
    "alive": True,
    "started_at": "2026-03-01T18:00:00Z",
    "heartbeat_at": "2026-03-02T09:15:03Z",
    "environments": [
        {
            "name": "default",
            "problem": None,
            "python": "3.12.4",
            "torch": "2.13.0",
            "migperf_version": "0.1.0",
            "payloads": {},
        },
        {
            "name": "torch-2.12",
            "problem": "/opt/torch-2.12/bin/python cannot be started: No such file or directory",
            "python": None,
            "torch": None,
            "migperf_version": None,
            "payloads": None,
        },
    ],
}
_FRACTION: dict[str, JsonValue] = {
    "value": 0.224,
    "interval": {
        "low": 0.219,
        "high": 0.229,
        "level": 0.95,
        "method": "ratio of two estimates by their intervals, on a logarithmic scale",
    },
}
ROOFLINE: dict[str, JsonValue] = {
    "run_id": RUN_ID,
    "state": "succeeded",
    "simulated": False,
    "partition": PARTITION_UUID,
    "attained": {
        "steps_per_s": {
            "value": 242.6,
            "interval": {"low": 241.7, "high": 243.6, "level": 0.95, "method": "batch means"},
        },
        "flops_per_step": 2_216_000_000.0,
        "bytes_per_step": 74_100_000.0,
        "least_bytes_per_step": 18_900_000.0,
    },
    "bytes_per_s": {"value": 2.72e11, "interval": None, "run_id": "019ab3f2-0b61-7c3a-8d0e-1f2a3b4c5d6e"},
    "roofs": [
        {
            "precision": "fp32",
            "of_run": True,
            "flops_per_s": {"value": 2.4e12, "interval": None, "run_id": "019ab3f1-ff02-7a44-9c11-0a1b2c3d4e5f"},
            "ridge": 8.82,
            "unfused": {
                "intensity": 29.9,
                "attainable_flops_per_s": 2.4e12,
                "attainable_steps_per_s": 1083.0,
                "fraction": _FRACTION,
                "bound": "compute",
            },
            "least": {
                "intensity": 117.2,
                "attainable_flops_per_s": 2.4e12,
                "attainable_steps_per_s": 1083.0,
                "fraction": _FRACTION,
                "bound": "compute",
            },
        }
    ],
    "absent": None,
}
