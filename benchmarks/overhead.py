"""What measuring through the service costs: one ResNet-18 loop bare and through the service, alternating in one go.

A pair is one bare loop, in a fresh process with every process of the service stopped (SIGSTOP), and one run through
the service, for the same time on the same input; which comes first alternates. Prints throughput through the service
over bare: the median over pairs, with a bootstrap interval. 1.00 means that the service costs nothing.

On a shared machine other tenants disturb both sides, and only ever slow them down. So the ratio of the two sides' 90th
percentiles is printed as well: what the service costs while nobody else interferes.

    python benchmarks/overhead.py --pairs 10 --seconds 6
"""

import argparse
import json
import subprocess
import sys
import time

import numpy as np
import psutil
from embedded import embedded_service, wait_until_ready

from migperf.client import Client

PARAMETERS = {"batch_size": 4, "image_size": 224}
WARMUP_S = 1.0
LEVEL = 0.95
QUIET = 0.9

BARE_LOOP = """
import json, os, sys, time
import torch
from workloads.base import Context
from workloads.registry import card

parameters, warmup_s, seconds = json.loads(sys.argv[1])
torch.set_num_threads(len(os.sched_getaffinity(0)))
torch.manual_seed(0)
found = card("resnet18")
payload = found.load().inference(found.parameters(**parameters), Context(device=torch.device("cpu"), seed=0))
def loop(seconds):
    steps, begun = 0, time.monotonic()
    while time.monotonic() - begun < seconds:
        payload.infer(payload.stage(payload.next_batch()))
        steps += 1
    return steps * payload.samples_per_step / (time.monotonic() - begun)
loop(warmup_s)
print(loop(seconds))
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=6.0, help="measured time of one loop")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of text")
    arguments = parser.parse_args()
    with embedded_service() as (client, root):
        through_service(client, 1.0)
        pairs = [one_pair(client, root, arguments.seconds, bare_first=i % 2 == 0) for i in range(arguments.pairs)]
    report = summarise(np.array(pairs))
    print(json.dumps(report) if arguments.json else as_text(report))


def one_pair(client: Client, root: psutil.Process, seconds: float, *, bare_first: bool) -> tuple[float, float]:
    """Return throughput bare and through the service, images/s."""
    if bare_first:
        bare = bare_loop(root, seconds)
        return bare, through_service(client, seconds)
    service = through_service(client, seconds)
    return bare_loop(root, seconds), service


def bare_loop(root: psutil.Process, seconds: float) -> float:
    """Return the throughput of the loop alone on the machine, images/s."""
    processes = [root, *root.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        command = [sys.executable, "-c", BARE_LOOP, json.dumps([PARAMETERS, WARMUP_S, seconds])]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    finally:
        for process in reversed(processes):
            process.resume()


def through_service(client: Client, seconds: float) -> float:
    """Return the throughput that a run through the service reports, images/s."""
    time.sleep(1.0)
    wait_until_ready(client)
    run = client.submit(
        {
            "workload": "resnet18",
            "scenario": "offline",
            "parameters": PARAMETERS,
            "method": {"warmup_s": WARMUP_S, "min_s": seconds, "min_steps": 1},
        }
    )
    run = client.wait(run.id, timeout_s=seconds + 120)
    if run.state != "succeeded":
        raise RuntimeError(f"run {run.id} is {run.state}: {run.reason}")
    throughput = next(figure.value for figure in client.result(run.id).figures if figure.name == "throughput")
    if throughput is None:
        raise RuntimeError(f"run {run.id} has no throughput")
    return throughput


def summarise(pairs: np.ndarray) -> dict[str, object]:
    """Return medians, images/s, and the median ratio with its percentile bootstrap interval."""
    ratios = pairs[:, 1] / pairs[:, 0]
    generator = np.random.default_rng(0)
    medians = np.median(generator.choice(ratios, (10_000, len(ratios))), axis=1)
    low, high = np.quantile(medians, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {
        "pairs": len(ratios),
        "bare_images_per_s": float(np.median(pairs[:, 0])),
        "service_images_per_s": float(np.median(pairs[:, 1])),
        "ratio": float(np.median(ratios)),
        "ratio_low": float(low),
        "ratio_high": float(high),
        "undisturbed_ratio": float(np.quantile(pairs[:, 1], QUIET) / np.quantile(pairs[:, 0], QUIET)),
        "ratios": [round(float(ratio), 4) for ratio in ratios],
    }


def as_text(report: dict[str, object]) -> str:
    """Return the report as lines for people."""
    return (
        "ResNet-18, batch 4 at 224 px, on the CPU, {pairs} alternating pairs\n"
        "  bare {bare_images_per_s:.2f} images/s, through the service {service_images_per_s:.2f} images/s (medians)\n"
        "  ratio {ratio:.4f} (95 % bootstrap {ratio_low:.4f} to {ratio_high:.4f}); pair by pair: {ratios}\n"
        "  undisturbed (90th percentiles) {undisturbed_ratio:.4f}"
    ).format(**report)


if __name__ == "__main__":
    main()
