"""Files of other tools as they write them, with results of which the truth is known."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from migperf.cli.local_run import LocalRun
from migperf.gpus.partition import Partition, PartitionKind
from migperf.measure.benchmark import Benchmark
from migperf.measure.figures import Interval, ResultFigure
from migperf.measure.outcome import Ending
from migperf.metrics.metric import Scope

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CPU = Partition(uuid="CPU-1", kind=PartitionKind.CPU, model="AMD EPYC", cpus=(0, 1))


def pytest_benchmark(
    at: datetime = NOON, mean_s: float = 0.002, rounds: Sequence[float] | None = None, **stats: Any
) -> dict[str, Any]:
    """Return what ``pytest --benchmark-json`` writes (version 5) about two tests, one of them parametrized.

    With ``rounds``, what it writes with ``--benchmark-save-data``.
    """
    told = {
        "min": mean_s * 0.9,
        "max": mean_s * 1.4,
        "mean": mean_s,
        "stddev": mean_s / 20,
        "rounds": 412,
        "median": mean_s * 0.99,
        "iqr": mean_s / 30,
        "q1": mean_s * 0.97,
        "q3": mean_s * 1.003,
        "iqr_outliers": 12,
        "stddev_outliers": 40,
        "outliers": "40;12",
        "ld15iqr": mean_s * 0.9,
        "hd15iqr": mean_s * 1.05,
        "ops": 1 / mean_s,
        "total": 412 * mean_s,
        "iterations": 1,
    }
    told |= {} if rounds is None else {"data": list(rounds)}
    return {
        "machine_info": {
            "node": "ci-7",
            "processor": "x86_64",
            "machine": "x86_64",
            "python_compiler": "GCC 12.2.0",
            "python_implementation": "CPython",
            "python_implementation_version": "3.11.7",
            "python_version": "3.11.7",
            "python_build": ["main", "Dec  8 2023 14:22:46"],
            "release": "6.1.0-18-amd64",
            "system": "Linux",
            "cpu": {
                "python_version": "3.11.7.final.0 (64 bit)",
                "cpuinfo_version": [9, 0, 0],
                "arch": "X86_64",
                "bits": 64,
                "count": 8,
                "brand_raw": "AMD EPYC 7763 64-Core Processor",
                "hz_advertised_friendly": "2.4454 GHz",
                "flags": ["aes", "avx", "avx2"],
            },
        },
        "commit_info": {
            "id": "4f1c9d2ab07e55c3d1e8f6a49b2c7d0e5a31f8c6",
            "time": "2026-03-02T10:41:00+00:00",
            "author_time": "2026-03-02T10:40:12+00:00",
            "dirty": False,
            "project": "shop",
            "branch": "main",
        },
        "benchmarks": [
            _benchmark("test_parse", None, None, told | stats),
            _benchmark("test_sort[1000]", "1000", {"n": 1000}, told),
        ],
        "datetime": at.isoformat(),
        "version": "5.1.0",
    }


def _benchmark(name: str, param: str | None, params: dict[str, Any] | None, stats: dict[str, Any]) -> dict[str, Any]:
    options = {
        "disable_gc": False,
        "timer": "perf_counter",
        "min_rounds": 5,
        "max_time": 1.0,
        "min_time": 5e-06,
        "warmup": False,
    }
    return {
        "group": None,
        "name": name,
        "fullname": f"tests/test_speed.py::{name}",
        "params": params,
        "param": param,
        "extra_info": {},
        "options": options,
        "stats": stats,
    }


def google_benchmark(at: datetime = NOON, times_ns: Sequence[float] = (100.0, 110.0, 105.0)) -> dict[str, Any]:
    """Return what Google Benchmark 1.8 writes of one benchmark and its repetitions."""
    common = {"family_index": 0, "per_family_instance_index": 0, "run_name": "BM_Copy/8", "threads": 1}
    rows: list[dict[str, Any]] = [
        {
            "name": "BM_Copy/8",
            **common,
            "run_type": "iteration",
            "repetitions": len(times_ns),
            "repetition_index": index,
            "iterations": 1000,
            "real_time": time_ns,
            "cpu_time": time_ns - 1,
            "time_unit": "ns",
            "items_per_second": 1e9 / time_ns,
        }
        for index, time_ns in enumerate(times_ns)
    ]
    rows += [
        {
            "name": f"BM_Copy/8_{name}",
            **common,
            "run_type": "aggregate",
            "aggregate_name": name,
            "aggregate_unit": "time",
            "real_time": value,
            "cpu_time": value,
            "time_unit": "ns",
        }
        for name, value in (("mean", 105.0), ("median", 104.0), ("stddev", 5.0))
    ]
    context = {
        "date": at.isoformat(),
        "host_name": "builder-3",
        "executable": "./bench",
        "num_cpus": 16,
        "mhz_per_cpu": 2450,
        "cpu_scaling_enabled": False,
        "caches": [{"type": "Data", "level": 1, "size": 32768, "num_sharing": 2}],
        "load_avg": [0.5, 0.4, 0.3],
        "library_version": "v1.8.3",
        "library_build_type": "release",
        "json_schema_version": 1,
    }
    return {"context": context, "benchmarks": rows}


def figure(name: str, value: float | None, unit: str = "ms") -> ResultFigure:
    """Return a figure of a run, with an interval if it has a value."""
    if value is None:
        return ResultFigure(name=name, unit=unit, scope=Scope.PROCESS, absent="too few steps")
    interval = Interval(low=value * 0.99, high=value * 1.01, level=0.95, method="given")
    return ResultFigure(name=name, unit=unit, scope=Scope.PROCESS, value=value, interval=interval)


def local_run(
    benchmark: Benchmark, partition: Partition = CPU, at: datetime = NOON, step_ms: float = 100.0
) -> dict[str, Any]:
    """Return what ``migperf run --json`` prints about a run."""
    run = LocalRun(
        state=Ending.SUCCEEDED,
        reason=None,
        workload=benchmark.workload,
        scenario=benchmark.scenario,
        fingerprint=benchmark.fingerprint(),
        benchmark=benchmark,
        partition=partition,
        simulated=partition.simulated,
        started_at=at,
        finished_at=at + timedelta(seconds=5),
        measured=None,
        tainted=False,
        taints=(),
        environment={"host": "one", "torch": "2.12", "load_average_1min": 0.5, "hygiene": {"facts": {}}},
        figures=(figure("step_time_p50", step_ms), figure("step_time_p99", None)),
    )
    return run.model_dump(mode="json")


def histories(values: Sequence[float], *, begin: datetime = NOON, **more: Any) -> dict[str, Any]:
    """Return migperf's own format: one history of one metric, a point an hour."""
    points = [
        {"time": (begin + number * HOUR).isoformat(), "figures": {"latency": {"value": value}}}
        for number, value in enumerate(values)
    ]
    history: dict[str, Any] = {
        "name": "checkout",
        "parameters": {"users": 100},
        "hardware": {"machine": "c7i.4xlarge"},
        "metrics": {"latency": {"unit": "ms", "better": "lower"}},
        "points": points,
    }
    return {"format": "migperf-histories", "version": 1, "tool": "load", "histories": [history | more]}


def table(*rows: str, columns: str = "time,benchmark,metric,value,unit,better") -> str:
    """Return a table of comma-separated values."""
    return "".join(f"{row}\r\n" for row in (columns, *rows))


def text_of(document: dict[str, Any]) -> str:
    """Return a document as the text of its file."""
    return json.dumps(document)
