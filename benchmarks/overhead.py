"""What measuring through the service costs: one ResNet-18 loop bare and through the service, by turns of some seconds.

Two processes do the same loop: one bare, one as a run of the service with all that belongs to it. Signals let one side
go on while the other stands still (SIGSTOP), some seconds each, in random order; so what other tenants of the machine
do hits both sides alike. A pair is two such turns; its ratio is the time a step takes bare over the time it takes
through the service, gaps between steps included. Both processes are started anew in every block, since two processes
with the same code differ a little by where their memory lies.

Prints throughput through the service over bare: the median over pairs, with a bootstrap interval over blocks and pairs.
1.00 means that the service costs nothing.

    python benchmarks/overhead.py --blocks 6 --pairs 12
"""

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import psutil
from embedded import embedded_service, wait_until_ready

from migperf.client import Client

PARAMETERS = {"batch_size": 4, "image_size": 224}
WARMUP_S = 2.0
GETTING_READY_S = 8.0
"""Both sides import, build and warm up, in each other's way."""
TURN_S = 4.0
"""Long beside the two seconds after which a run's samples are stored: what has become due while the service stood still
is done at the beginning of its turn, so that in turns of a second it would do the work of two."""
MARGIN_S = 0.05
"""Left out at both ends of a turn: steps that a signal cut, and the uncertainty of when the run began."""
LEVEL = 0.95
RESAMPLES = 4_000
Steps = npt.NDArray[np.float64]
"""One row a step: when it began and when it ended, s, CLOCK_MONOTONIC."""

BARE_LOOP = """
import json, os, signal, sys, time
import torch
from workloads.base import Context
from workloads.registry import card

parameters = json.loads(sys.argv[1])
torch.set_num_threads(len(os.sched_getaffinity(0)))
torch.manual_seed(0)
found = card("resnet18")
payload = found.load().inference(found.parameters(**parameters), Context(device=torch.device("cpu"), seed=0))
steps, going = [], True
def stop(*_):
    global going
    going = False
signal.signal(signal.SIGTERM, stop)
while going:
    begun = time.monotonic()
    payload.infer(payload.stage(payload.next_batch()))
    steps.append((begun, time.monotonic()))
print(json.dumps(steps))
"""


@dataclass(frozen=True)
class Turns:
    """Two turns beside each other: when each began, s, CLOCK_MONOTONIC."""

    bare_s: float
    service_s: float


@dataclass(frozen=True)
class Report:
    """What came out: seconds a step, and the ratio of throughputs with its interval."""

    blocks: int
    pairs: int
    bare_ms: float
    service_ms: float
    ratio: float
    ratio_low: float
    ratio_high: float
    block_ratios: list[float]

    def as_text(self) -> str:
        """Return lines for people."""
        return (
            f"ResNet-18, batch 4 at 224 px, on the CPU, {self.pairs} pairs of turns in {self.blocks} blocks\n"
            f"  a step takes {self.bare_ms:.2f} ms bare, {self.service_ms:.2f} ms through the service (medians)\n"
            f"  throughput through the service / bare: {self.ratio:.4f} "
            f"(95 % bootstrap {self.ratio_low:.4f} to {self.ratio_high:.4f})\n"
            f"  block by block: {self.block_ratios}"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=6, help="how often both processes are started anew")
    parser.add_argument("--pairs", type=int, default=12, help="pairs of turns in a block")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of text")
    arguments = parser.parse_args()
    generator = np.random.default_rng()
    with embedded_service() as (client, root):
        blocks = [one_block(client, root, arguments.pairs, generator) for _ in range(arguments.blocks)]
    report = summarise(blocks, generator)
    print(json.dumps(asdict(report)) if arguments.json else report.as_text())


def one_block(client: Client, root: psutil.Process, pairs: int, generator: np.random.Generator) -> Steps:
    """Return seconds a step, one row a pair: bare, through the service."""
    wait_until_ready(client)
    seconds = pairs * 2 * TURN_S
    method = {
        "warmup_s": WARMUP_S,
        "steady_within": None,
        "min_s": seconds + 1.5 * GETTING_READY_S,
        "precision": None,
        "max_s": 600.0,
        "min_steps": 1,
    }
    run = client.submit({"workload": "resnet18", "scenario": "offline", "parameters": PARAMETERS, "method": method})
    bare = subprocess.Popen(
        [sys.executable, "-c", BARE_LOOP, json.dumps(PARAMETERS)], stdout=subprocess.PIPE, text=True
    )
    time.sleep(GETTING_READY_S)
    turns = [take_turns(psutil.Process(bare.pid), root, generator) for _ in range(pairs)]
    bare.send_signal(signal.SIGTERM)
    bare_steps = np.array(json.loads(bare.communicate()[0]))
    service_steps = steps_of(client, run.id)
    return np.array(
        [(seconds_a_step(bare_steps, turn.bare_s), seconds_a_step(service_steps, turn.service_s)) for turn in turns]
    )


def take_turns(bare: psutil.Process, root: psutil.Process, generator: np.random.Generator) -> Turns:
    """Let each side go on for one turn while the other stands still; both go on afterwards."""
    sides = {"bare": [bare], "service": [root, *root.children(recursive=True)]}
    began = {}
    for name in generator.permutation(list(sides)):
        stopped = [process for other, processes in sides.items() if other != name for process in processes]
        with standing_still(stopped):
            began[str(name)] = time.monotonic()
            time.sleep(TURN_S)
    return Turns(began["bare"], began["service"])


@contextmanager
def standing_still(processes: Sequence[psutil.Process]) -> Iterator[None]:
    """Stop these processes for a while; all go on, whatever happens."""
    try:
        for process in processes:
            process.suspend()
        yield
    finally:
        for process in reversed(processes):
            with suppress(psutil.NoSuchProcess):
                process.resume()


def steps_of(client: Client, run_id: str) -> Steps:
    """Wait for the run and return its steps on this host's monotonic clock."""
    run = client.wait(run_id, timeout_s=600)
    if run.state != "succeeded" or run.started_at is None:
        raise RuntimeError(f"run {run.id} is {run.state}: {run.reason}")
    series = client.series(run.id, "batch_time")
    zero_s = run.started_at.timestamp() - (time.time() - time.monotonic())
    begun_s = np.asarray(series.time_s) + zero_s
    return np.column_stack([begun_s, begun_s + np.asarray(series.value) / 1e3])


def seconds_a_step(steps: Steps, turn_s: float) -> float:
    """Return the time a step took within a turn, gaps between steps included; NaN where there are too few."""
    inside = steps[(steps[:, 0] >= turn_s + MARGIN_S) & (steps[:, 1] <= turn_s + TURN_S - MARGIN_S)]
    if len(inside) < 3:
        return float("nan")
    return float((inside[-1, 0] - inside[0, 0]) / (len(inside) - 1))


def summarise(blocks: Sequence[Steps], generator: np.random.Generator) -> Report:
    """Return medians over all pairs, and a bootstrap interval that resamples blocks, then pairs."""
    whole = [block[np.isfinite(block).all(axis=1)] for block in blocks]
    ratios = [block[:, 0] / block[:, 1] for block in whole]
    medians = [np.median(np.concatenate(resampled(ratios, generator))) for _ in range(RESAMPLES)]
    low, high = np.quantile(medians, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    every = np.concatenate(whole)
    return Report(
        blocks=len(blocks),
        pairs=len(every),
        bare_ms=float(np.median(every[:, 0]) * 1e3),
        service_ms=float(np.median(every[:, 1]) * 1e3),
        ratio=float(np.median(np.concatenate(ratios))),
        ratio_low=float(low),
        ratio_high=float(high),
        block_ratios=[round(float(np.median(ratio)), 4) for ratio in ratios],
    )


def resampled(ratios: Sequence[Steps], generator: np.random.Generator) -> list[Steps]:
    """Draw as many blocks as there are, with replacement, and as many pairs of each."""
    drawn = generator.integers(len(ratios), size=len(ratios))
    return [generator.choice(ratios[block], len(ratios[block])) for block in drawn]


if __name__ == "__main__":
    main()
