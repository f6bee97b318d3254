"""Examples of histories and regressions for the OpenAPI document; tests check that they are what the service gives."""

from typing import Any

ID = "019ad1c0-52f1-7e08-9a63-0f6e5d4c3b2a"
REGRESSION_ID = "019ad1c4-9b07-7c44-8a15-2d3e4f506172"
CONFIRMATION_ID = "019ad1c4-9b10-7d02-b1c4-8293a4b5c6d7"
SCHEDULE_ID = "019ab3f2-7c1e-7d10-9d4e-5b1f0c2a6e77"
_FINGERPRINT = "5f0c1ab27a8f4f5dbb6a3e0f7c9d2e1846b0a9c8d7e6f5041322110f0e0d0c0b"
_RUNS = (
    "019acc96-31aa-7b20-8c1d-5e6f708192a3",
    "019ad1bc-77d4-7a91-9e2f-60718293a4b5",
    "019ad1c0-51c2-7f3a-a03b-718293a4b5c6",
)
_TIMES = ("2026-01-30T01:31:40.500000Z", "2026-01-31T01:33:12.250000Z", "2026-02-02T01:36:02Z")
TITLE = "resnet18 offline on AMD EPYC"


def _point(place: int, number: int) -> dict[str, Any]:
    run_id = _RUNS[place]
    return {
        "id": number + 3,
        "number": number,
        "at": _TIMES[place],
        "origin": "run",
        "key": run_id,
        "run_id": run_id,
        "run": f"/v1/runs/{run_id}",
    }


LAST_GOOD, FIRST_BAD, NEWEST = _point(0, 19), _point(1, 20), _point(2, 22)
TORCH: dict[str, Any] = {"name": "torch", "before": "2.12.1", "after": "2.13.0"}
POINT: dict[str, Any] = FIRST_BAD | {
    "repeats": 1,
    "figures": {
        "batch_time_p50": {"value": 31.6, "unit": "ms", "low": 31.4, "high": 31.9, "level": 0.95},
        "throughput": {"value": 1012.0, "unit": "image/s", "low": None, "high": None, "level": None},
    },
    "changed": [TORCH],
    "taints": [],
    "left_out": None,
    "judged": True,
    "why_not": None,
    "environment": None,
}
EVENT: dict[str, Any] = {
    "id": 4,
    "at": "2026-02-02T01:37:10Z",
    "metric": "batch_time_p50",
    "revision": "added",
    "point": NEWEST,
    "first": FIRST_BAD,
    "was": None,
}
CHANGE: dict[str, Any] = {
    "first": FIRST_BAD,
    "earliest": FIRST_BAD,
    "latest": FIRST_BAD,
    "ratio": 1.12,
    "low": 1.108,
    "high": 1.133,
    "level": 0.95,
    "worse": True,
    "evidence": 9.4,
    "points_before": 20,
    "points_after": 3,
    "provisional": True,
}
METRIC: dict[str, Any] = {
    "name": "batch_time_p50",
    "unit": "ms",
    "better": "lower",
    "minimum_effect": 0.01,
    "verdict": "regressed",
    "why": "got worse by 12 % at point 21",
    "points": 23,
    "noise_rel": 0.008,
    "changes": [CHANGE],
    "suspected": None,
}
SHIFT: dict[str, Any] = {
    "name": "batch_time_p50",
    "ratio": 1.12,
    "low": 1.108,
    "high": 1.133,
    "level": 0.95,
    "worse": True,
    "followed": False,
}
REGRESSION: dict[str, Any] = {
    "id": REGRESSION_ID,
    "url": f"/v1/regressions/{REGRESSION_ID}",
    "history_id": ID,
    "history": f"/v1/histories/{ID}",
    "title": TITLE,
    "state": "acknowledged",
    "resolution": None,
    "size": "batch_time_p50 +12 % (+10.8 % to +13.3 %)",
    "metrics": [SHIFT],
    "opened_at": "2026-02-02T01:37:10Z",
    "changed_at": "2026-02-02T08:15:00Z",
    "resolved_at": None,
    "alerted_at": "2026-02-02T02:05:31Z",
    "first_bad": FIRST_BAD,
    "last_good": LAST_GOOD,
    "over": None,
}
CONFIRMATION: dict[str, Any] = {
    "id": CONFIRMATION_ID,
    "state": "confirmed",
    "why": "it is worse when compared with the history before the change, 3 of 3 rounds",
    "started_at": "2026-02-02T01:37:10Z",
    "ended_at": "2026-02-02T02:05:31Z",
    "first_bad": FIRST_BAD,
    "suspected": {"batch_time_p50": 1.12},
    "baseline": None,
    "runs": [{"run_id": _RUNS[2], "run": f"/v1/runs/{_RUNS[2]}", "side": "candidate", "round": 0}],
    "findings": [
        {
            "name": "batch_time_p50",
            "against": "with the history before the change",
            "ratio": 1.118,
            "low": 1.097,
            "high": 1.14,
            "level": 0.99,
            "state": "confirmed",
        }
    ],
}
REGRESSION_WHOLE: dict[str, Any] = REGRESSION | {
    "earliest": FIRST_BAD,
    "latest": FIRST_BAD,
    "environment": [TORCH],
    "comparison": f"/v1/comparison?baseline={_RUNS[0]}&candidate={_RUNS[1]}",
    "confirmations": [CONFIRMATION],
    "record": [
        {
            "at": "2026-02-02T01:37:10Z",
            "kind": "opened",
            "author": None,
            "text": "batch_time_p50 +12 % (+10.8 % to +13.3 %)",
        },
        {"at": "2026-02-02T08:15:00Z", "kind": "state", "author": "ada", "text": "acknowledged"},
    ],
}
HISTORY: dict[str, Any] = {
    "id": ID,
    "url": f"/v1/histories/{ID}",
    "title": TITLE,
    "workload": "resnet18",
    "scenario": "offline",
    "fingerprint": _FINGERPRINT,
    "hardware": {
        "model": "AMD EPYC",
        "kind": "cpu",
        "profile": None,
        "of_profile": None,
        "cpus": 2,
        "company": [],
    },
    "created_at": "2026-01-10T01:34:00Z",
    "latest_at": _TIMES[2],
    "points": 23,
    "verdict": "regressed",
    "why": "batch_time_p50 got worse by 12 % at point 21",
    "judged_at": "2026-02-02T01:37:10Z",
    "pending": False,
    "watched": True,
    "watched_by": {
        "by": "schedule",
        "schedule_id": SCHEDULE_ID,
        "schedule": f"/v1/schedules/{SCHEDULE_ID}",
        "name": "nightly-resnet",
    },
    "standing_regressions": 1,
}
HISTORY_WHOLE: dict[str, Any] = HISTORY | {
    "benchmark": {"workload": "resnet18", "scenario": "offline"},
    "watch": {"metrics": None, "minimum_effect": 0.01, "tainted": "leave_out", "confirm_runs": 3, "channels": None},
    "metrics": [METRIC],
    "changes": [{"first": FIRST_BAD, "regressed": ["batch_time_p50"], "improved": [], "followers": []}],
    "regressions": [REGRESSION],
}
OF_RUN: dict[str, Any] = {"history": HISTORY, "point": POINT}
