"""Examples of schedules for the OpenAPI document; tests check that they are what the service gives."""

from typing import Any

ID = "019ab3f2-7c1e-7d10-9d4e-5b1f0c2a6e77"
HISTORY_ID = "019ad1c0-52f1-7e08-9a63-0f6e5d4c3b2a"
RUN_ID = "019ab3f2-7c21-7b31-8a0f-2c9be57d4f10"

FIRING: dict[str, Any] = {
    "due_at": "2026-01-31T01:30:00Z",
    "fired_at": "2026-01-31T01:33:12.250000Z",
    "by_hand": False,
    "outcome": "submitted",
    "reason": None,
    "went_by": 0,
    "run_id": RUN_ID,
    "run": f"/v1/runs/{RUN_ID}",
    "experiment_id": None,
    "experiment": None,
    "heard_at": "2026-01-31T01:36:02Z",
    "measured": 1,
    "silence": None,
}
SKIPPED: dict[str, Any] = FIRING | {
    "due_at": "2026-01-30T01:30:00Z",
    "fired_at": "2026-01-30T01:31:40.500000Z",
    "outcome": "skipped",
    "reason": "what an earlier firing submitted has not ended",
    "run_id": None,
    "run": None,
    "measured": None,
}
BRIEF: dict[str, Any] = {
    "id": ID,
    "url": f"/v1/schedules/{ID}",
    "name": "nightly-resnet",
    "title": "ResNet-18 on the processor, every night",
    "cron": "30 2 * * *",
    "time_zone": "Europe/Berlin",
    "submits": "benchmark",
    "paused": False,
    "created_at": "2026-01-15T12:00:00Z",
    "changed_at": "2026-01-15T12:00:00Z",
    "next_times": [f"2026-02-0{day}T01:{minute}:00Z" for day, minute in enumerate((31, 38, 30, 36, 33), 1)],
    "last_firing": FIRING,
    "standing": {
        "said": "regressed",
        "reason": None,
        "due_at": "2026-01-31T01:30:00Z",
        "histories": 1,
        "history_id": HISTORY_ID,
        "history": f"/v1/histories/{HISTORY_ID}",
    },
}
SCHEDULE: dict[str, Any] = BRIEF | {
    "document": {
        "migperf": 1,
        "name": "nightly-resnet",
        "cron": "30 2 * * *",
        "time_zone": "Europe/Berlin",
        "benchmark": {"workload": "resnet18", "scenario": "offline"},
        "jitter_s": 600,
    },
    "firings": [FIRING, SKIPPED],
}
PREVIEW: dict[str, Any] = {
    "next_times": [f"2026-02-0{day}T01:30:00Z" for day in range(1, 6)],
    "problems": [{"field": "benchmark.scenario", "detail": "Field required"}],
}
