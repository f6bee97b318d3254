"""Examples of experiments for the OpenAPI document; tests check that they are what the service gives."""

from typing import Any

ID = "019ab3f2-7c1e-7d10-9d4e-5b1f0c2a6e77"
RUN_ID = "019ab3f2-7c21-7b31-8a0f-2c9be57d4f10"

BRIEF: dict[str, Any] = {
    "id": ID,
    "url": f"/v1/experiments/{ID}",
    "page": f"/experiments/{ID}",
    "report": f"/v1/experiments/{ID}/report",
    "name": "batch-size",
    "title": "Inference by batch size",
    "state": "running",
    "created_at": "2026-01-31T12:00:00Z",
    "finished_at": None,
    "cancelled_at": None,
    "cells": 2,
    "skipped_cells": 0,
    "repeats": {"succeeded": 1, "open": 1},
}
_PLANNED: list[dict[str, Any]] = [
    {
        "coordinates": {"batch_size": size},
        "skipped": None,
        "runs": 1,
        "layout": None,
        "profiles": [],
        "sharing": None,
        "expected_s": 7.0,
    }
    for size in (1, 2)
]
PLAN: dict[str, Any] = {
    "device": {"uuid": "CPU-0f7c0a57-6d0d-5f5e-9a38-9a4d4f6f4c11", "model": "a processor", "simulated": False},
    "cells": _PLANNED,
    "order": [[1, 0], [0, 0]],
    "runs": 2,
    "layouts": [],
    "recuts": 0,
    "expected_s": 14.0,
    "longest_s": 62.0,
    "expected_from": "what the benchmarks ask for",
}
_CELL: dict[str, Any] = {"skipped": None, "layout": None, "sharing": None, "clients": 1, "neighbours": 0}
_RUN: dict[str, Any] = {
    "id": RUN_ID,
    "url": f"/v1/runs/{RUN_ID}",
    "page": f"/runs/{RUN_ID}",
    "role": "client",
    "state": "succeeded",
    "profile": None,
    "tainted": False,
    "reason": None,
}
EXPERIMENT: dict[str, Any] = BRIEF | {
    "document": {
        "migperf": 1,
        "name": "batch-size",
        "title": "Inference by batch size",
        "matrix": {"benchmark.parameters.batch_size": [1, 2]},
    },
    "plan": PLAN,
    "cell_list": [
        _CELL | {"number": 0, "coordinates": {"batch_size": 1}, "attempts": []},
        _CELL
        | {
            "number": 1,
            "coordinates": {"batch_size": 2},
            "attempts": [
                {
                    "repeat": 0,
                    "attempt": 1,
                    "state": "succeeded",
                    "settled_at": "2026-01-31T12:00:09Z",
                    "runs": [_RUN],
                }
            ],
        },
    ],
}

VALUES: dict[str, Any] = {
    "figure": "throughput",
    "words": "throughput",
    "unit": "samples/s",
    "scope": "process",
    "simulated": False,
    "figures": [{"name": "throughput", "words": "throughput"}, {"name": "latency_p99", "words": "latency, p99"}],
    "axes": [
        {
            "path": "benchmark.parameters.batch_size",
            "name": "batch_size",
            "values": [1, 2],
            "labels": ["1", "2"],
            "numeric": True,
            "doubles": True,
        }
    ],
    "cells": [
        {
            "number": 0,
            "at": [0],
            "state": "complete",
            "value": 103.42,
            "low": 101.2,
            "high": 105.6,
            "unit": "samples/s",
            "shown": "103.4",
            "words": "103.4 samples/s, 101.2 to 105.6 (95 %)",
            "method": "mean of 3 repeats; means of runs",
            "tainted": False,
            "runs": [{"id": RUN_ID, "page": f"/runs/{RUN_ID}", "state": "succeeded", "repeat": 0}],
        },
        {
            "number": 1,
            "at": [1],
            "state": "missing",
            "value": None,
            "low": None,
            "high": None,
            "unit": None,
            "shown": None,
            "words": "repeat 1: does_not_fit: out of memory",
            "method": None,
            "tainted": False,
            "runs": [],
        },
    ],
}
