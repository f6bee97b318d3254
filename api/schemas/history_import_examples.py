"""Examples of results that are imported, and of what is answered; tests check that the service takes and gives them."""

from typing import Any

FILE: dict[str, Any] = {
    "format": "migperf-histories",
    "version": 1,
    "tool": "checkout-load",
    "histories": [
        {
            "name": "checkout",
            "parameters": {"users": 100},
            "hardware": {"machine": "c7i.4xlarge"},
            "metrics": {"latency": {"unit": "ms", "better": "lower"}, "requests": {"unit": "1/s", "better": "higher"}},
            "points": [
                {
                    "time": "2026-01-30T02:00:00Z",
                    "commit": "4f1c9d2",
                    "figures": {"latency": {"value": 12.5, "low": 12.1, "high": 12.9, "level": 0.95}},
                    "environment": {"kernel": "6.8.0"},
                },
                {
                    "time": "2026-01-31T02:00:00Z",
                    "commit": "9b07e55",
                    "figures": {"latency": {"value": 12.6}, "requests": {"value": 7900}},
                    "environment": {"kernel": "6.8.0"},
                },
            ],
        }
    ],
}
TABLE = (
    "time,benchmark,metric,value,unit,better,commit\n"
    "2026-01-30T02:00:00Z,checkout,latency,12.5,ms,lower,4f1c9d2\n"
    "2026-01-31T02:00:00Z,checkout,latency,12.6,ms,lower,9b07e55\n"
)
IMPORTED: dict[str, Any] = {
    "id": "019ad5c1-2b7e-7a40-8f1d-3c5e7a9b0d12",
    "title": "checkout (users=100) on c7i.4xlarge",
    "new_points": 2,
    "known_points": 0,
    "watched": False,
    "left_out": [],
}
LEFT_OUT: dict[str, Any] = {
    "place": "benchmarks.3.stats.min",
    "reason": "it is 0, of which no relative change can be told",
}
