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
