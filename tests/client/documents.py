"""Documents as the service answers them."""

from typing import Any

RUN_ID = "019ab3f2-7c1e-7d10-9d4e-5b1f0c2a6e77"


def run_document(**changes: Any) -> dict[str, Any]:
    """Return a run as the service shows it."""
    return {
        "id": RUN_ID,
        "url": f"/v1/runs/{RUN_ID}",
        "page": f"/runs/{RUN_ID}",
        "state": "queued",
        "version": 1,
        "workload": "resnet18",
        "scenario": "offline",
        "fingerprint": "f" * 64,
        "benchmark": {"workload": "resnet18", "scenario": "offline", "parameters": {}, "method": {}, "where": {}},
        "priority": 0,
        "timeout_s": 60.0,
        "retry_limit": 2,
        "labels": {},
        "attempt": 0,
        "losses": 0,
        "phase": None,
        "progress": 0.0,
        "partition": None,
        "created_at": "2026-03-02T09:15:00Z",
        "started_at": None,
        "finished_at": None,
        "cancel_requested_at": None,
        "reason": None,
        "measured": None,
        "environment": None,
        **changes,
    }


def timeline_document(event_id: int, kind: str, name: str, detail: str | None = None) -> dict[str, Any]:
    """Return an item of a timeline as the service shows it."""
    return {"id": event_id, "at": "2026-03-02T09:15:01Z", "attempt": 1, "kind": kind, "name": name, "detail": detail}


def series_document(times: list[float], values: list[float | None], next_start_s: float | None) -> dict[str, Any]:
    """Return a page of a series as the service shows it."""
    return {
        "name": "latency",
        "unit": "ms",
        "scope": "process",
        "source": "timer",
        "kind": "duration",
        "period_ms": None,
        "absent": None,
        "thinned_from": None,
        "simulated": False,
        "downsampled_from": None,
        "method": None,
        "gaps": [],
        "window": {"start_s": 1.0, "end_s": 2.0},
        "time_s": times,
        "value": values,
        "next_start_s": next_start_s,
    }


def samples_document(name: str, times: list[float], values: list[float | None], **changes: Any) -> dict[str, Any]:
    """Return what a ``samples`` event carries."""
    return {
        "name": name,
        "unit": "W",
        "scope": "gpu",
        "source": "nvml",
        "kind": "gauge",
        "period_ms": 100.0,
        "absent": None,
        "thinned_from": None,
        "attempt": 1,
        "downsampled_from": None,
        "time_s": times,
        "value": values,
        "gaps": [],
        **changes,
    }
