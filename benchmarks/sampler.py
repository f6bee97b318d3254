"""What watching costs: one GPU cut in seven, seven runs watched at 100 Hz, against the C library of the tests.

The sampler, its sources and pynvml are the product's; only the driver behind pynvml is the model in tests/gpus/nvml.
Each instance has a run of its own with at least 20 metrics at every turn. GPM is read twice as the product never
does: at every turn, as moving averages (``every turn``), beside the way runs are watched, where no source is read
more often than it has something new (``as runs are watched``). ``waking up alone`` is a Python thread that does
nothing but sleep until each turn: what no sampler in Python can fall below on this host. With ``--peer-python``,
nvitop's collector does as much as it can on the same library, in the same run.

    python benchmarks/sampler.py --seconds 20 --peer-python PATH_OF_A_PYTHON_WITH_NVITOP
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

BENCHMARKS = Path(__file__).parent
ROOT = BENCHMARKS.parent
COST_LIMIT, LATENESS_LIMIT_MS, METRICS, HZ = 0.02, 2.0, 20, 100


def main() -> None:
    """Measure in processes of their own and print; exit status 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each is measured")
    parser.add_argument("--peer-python", type=Path, help="a Python that has nvitop; without it there is no comparison")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of text")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        library = build(Path(folder))
        costs = [
            measure("every turn", library, [sys.executable, "sampler_ours.py", "--every-turn"], given.seconds),
            measure("as runs are watched", library, [sys.executable, "sampler_ours.py"], given.seconds),
            measure("waking up alone", library, [sys.executable, "sampler_nothing.py"], given.seconds),
        ]
        if given.peer_python is not None:
            peer = [str(given.peer_python.absolute()), "sampler_nvitop.py"]
            costs.append(measure("nvitop's collector", library, peer, given.seconds))
    held = costs[0].holds
    print(json.dumps([asdict(cost) for cost in costs]) if given.json else "\n".join([HEAD, *map(str, costs)]))
    if given.peer_python is None and not given.json:
        print("nvitop was left out: name a Python that has it with --peer-python")
    raise SystemExit(0 if held else 1)


HEAD = f"{'':22}{'CPU':>9}{'of one core':>13}{'turns':>9}{'metrics':>9}{'samples':>11}{'late p50':>10}{'late p99':>10}"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one way of watching costs. Metrics are those of each instance that have a value at every turn."""

    name: str
    seconds: float
    cpu_s: float
    turns_per_s: float
    metrics: float
    samples_per_s: float
    late_p50_ms: float
    late_p99_ms: float

    @property
    def share(self) -> float:
        """Share of one core."""
        return self.cpu_s / self.seconds

    @property
    def holds(self) -> bool:
        """Whether it is cheap and punctual enough, and did what it should."""
        worked = self.metrics >= METRICS and self.turns_per_s > 0.95 * HZ
        return worked and self.share < COST_LIMIT and self.late_p99_ms < LATENESS_LIMIT_MS

    def __str__(self) -> str:
        cost = f"{self.cpu_s / self.seconds * 1e3:>4.1f} ms/s{self.share:>12.2%}"
        work = f"{self.turns_per_s:>7.1f}/s{self.metrics:>9.1f}{self.samples_per_s:>9.0f}/s"
        return f"{self.name:22}{cost}{work}{self.late_p50_ms:>7.3f} ms{self.late_p99_ms:>7.3f} ms"


def build(folder: Path) -> Path:
    """Compile the C model of a driver."""
    sys.path.insert(0, str(ROOT))
    from tests.gpus.nvml.build import build_library

    return build_library(folder)


def measure(name: str, library: Path, command: list[str], seconds: float) -> Cost:
    """Run one way of watching in a process that finds the library as its driver."""
    python, script, *options = command
    environment = {**os.environ, "LD_LIBRARY_PATH": str(library.parent), "PYTHONPATH": str(ROOT)}
    line = [python, str(BENCHMARKS / script), *options, "--seconds", str(seconds), "--driver-library", str(library)]
    # nvitop writes a traceback for each function that the library does not have.
    quiet = subprocess.DEVNULL if script == "sampler_nvitop.py" else None
    done = subprocess.run(line, env=environment, check=True, stdout=subprocess.PIPE, stderr=quiet, text=True)
    return Cost(name=name, seconds=seconds, **json.loads(done.stdout))


if __name__ == "__main__":
    main()
