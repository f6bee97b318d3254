"""The example of a comparison: a candidate that is slower because its board was clocked down."""

from typing import Any

from pydantic import JsonValue

_BASELINE = ("019ab3f2-7c1e-7d10-9d4e-5b1f0c2a6e77", "019ab3f5-0d3a-7b52-8a10-6f1d2c3b4a59")
_CANDIDATE = ("019ab3f8-91c4-7f0e-b2a7-3e5d7c9b1a22", "019ab3fb-4e7d-7c11-9f36-0a8b6d4e2c13")


def _compared(**changes: Any) -> dict[str, JsonValue]:  # noqa: ANN401 - JSON
    return {
        "unit": "ms",
        "baseline_value": 4.118,
        "candidate_value": 4.941,
        "verdict": "slower",
        "ratio": 1.19985,
        "interval": {
            "low": 1.18412,
            "high": 1.21579,
            "level": 0.95,
            "method": "Student's t on logarithms, spread from all runs together",
        },
        "basis": "all runs together",
        "baseline_runs": 2,
        "candidate_runs": 2,
        "spread_rel": 0.00307,
        "within_share": 0.21,
        "ranks": {"p_value": 1.1e-16, "unit": "batches", "baseline_units": 512, "candidate_units": 498},
        "effect": {"superiority": 0.012, "cliffs_delta": -0.976},
        "needed": None,
        "why": "the ratio lies between 1.1841 and 1.2158 (95.0%), without 1",
        **changes,
    }


_CYCLES = _compared(
    unit="Mcycle",
    baseline_value=8.154,
    candidate_value=8.161,
    verdict="same",
    ratio=1.00086,
    interval={
        "low": 0.99502,
        "high": 1.00674,
        "level": 0.95,
        "method": "Student's t on logarithms, spread from all runs together",
    },
    spread_rel=0.00136,
    within_share=0.64,
    ranks={"p_value": 0.41, "unit": "batches", "baseline_units": 512, "candidate_units": 498},
    effect={"superiority": 0.49, "cliffs_delta": -0.02},
    why="the ratio lies between 0.9950 and 1.0067 (95.0%), within 1.0% of 1",
)
COMPARISON: dict[str, JsonValue] = {
    "baseline": list(_BASELINE),
    "metric": "latency",
    "statistic": "mean",
    "margin": 0.01,
    "level": 0.95,
    "paired": False,
    "simulated": False,
    "candidates": [
        {
            "runs": list(_CANDIDATE),
            "per": "step",
            "headline": "slower: the mean of latency per step differs by +20.0 % (95 % interval +18.4 % to +21.6 %)",
            "in_time": _compared(),
            "in_time_absent": None,
            "in_cycles": {
                "cycles": _CYCLES,
                "clocks": {
                    "baseline_mhz": 1980.1,
                    "candidate_mhz": 1651.7,
                    "baseline_left_out": 3,
                    "candidate_left_out": 2,
                },
                "why": "slower because it was clocked down: it takes as many cycles (SM clock 1980 MHz and 1652 MHz, "
                "-16.6 %)",
            },
            "in_cycles_absent": None,
            "same_work": True,
            "tainted": {},
            "differences": [
                {"aspect": "environment", "name": "torch", "baseline": ["2.13.0"], "candidate": ["2.12.1"]}
            ],
        }
    ],
}
