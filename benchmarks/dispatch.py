"""How long from the POST of a run to the first line of its payload's code, on a warm embedded service.

Prints the median and the tail over many runs, and where the time goes. The first line of the payload's code is the
beginning of the phase ``preparing``: the workload is imported by then, and its payload is about to be built. Both ends
are read from the same host's clock.

    python benchmarks/dispatch.py --runs 40
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np
from embedded import embedded_service

from migperf.client import Client

MARKS = ("queued", "placed", "running", "starting", "preparing")
REQUEST = {
    "workload": "resnet18",
    "scenario": "single_stream",
    "parameters": {"batch_size": 1, "image_size": 32, "data_pool": 1},
    "method": {
        "warmup_steps": 0,
        "warmup_s": 0,
        "steady_within": None,
        "min_steps": 1,
        "min_s": 0,
        "precision": None,
    },
}
LIMIT_S = 0.5


def main() -> None:
    """Measure and print; exit status 1 if the median misses the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=40, help="measured runs")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of text")
    arguments = parser.parse_args()
    with embedded_service() as (client, _):
        for _ in range(3):
            marks_of_one_run(client)
        marks = np.array([marks_of_one_run(client) for _ in range(arguments.runs)])
    report = Report.of(marks)
    print(json.dumps(asdict(report)) if arguments.json else report.as_text())
    raise SystemExit(0 if report.median_s < LIMIT_S else 1)


def marks_of_one_run(client: Client) -> list[float]:
    """Submit one run and return when it reached each mark, seconds since before the POST."""
    posted_s = time.time()
    run = client.submit(REQUEST)
    run = client.wait(run.id, timeout_s=60)
    if run.state != "succeeded":
        raise RuntimeError(f"run {run.id} is {run.state}: {run.reason}")
    reached = {item.name: item.at.timestamp() - posted_s for item in client.timeline(run.id)}
    return [reached[mark] for mark in MARKS]


@dataclass(frozen=True)
class Report:
    """What came out: times in seconds, the median of each leg in milliseconds."""

    runs: int
    median_s: float
    p90_s: float
    max_s: float
    legs_ms: dict[str, float]

    @classmethod
    def of(cls, marks: np.ndarray) -> "Report":
        """Summarise the marks of all runs, one row a run."""
        total, names = marks[:, -1], ("POST", *MARKS)
        legs = np.median(np.diff(marks, axis=1, prepend=0.0), axis=0) * 1e3
        return cls(
            runs=len(total),
            median_s=float(np.median(total)),
            p90_s=float(np.quantile(total, 0.9)),
            max_s=float(total.max()),
            legs_ms={f"{a} to {b}": float(leg) for (a, b), leg in zip(pairwise(names), legs, strict=True)},
        )

    def as_text(self) -> str:
        """Return lines for people."""
        head = (
            f"POST to the payload's first line over {self.runs} runs: "
            f"median {self.median_s:.3f} s, p90 {self.p90_s:.3f} s, max {self.max_s:.3f} s"
        )
        return "\n".join([head, *(f"  {name:24} {ms:7.1f} ms" for name, ms in self.legs_ms.items())])


if __name__ == "__main__":
    main()
