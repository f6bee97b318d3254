"""Every engine and precision of some workloads on one partition of this host: how fast, and how far from eager fp32.

Each is a run of its own through supervisor and child; what an engine cannot do there is a line with the reason. The
order is shuffled, so that what drifts does not become an engine's merit.

    python benchmarks/engines.py --workload resnet18 --batch-size 8 --image-size 64 --seconds 5
    python benchmarks/engines.py --where kind=gpu --workload resnet50 --workload vit-p-4gf --batch-size 64
"""

import argparse
import random
from collections.abc import Iterator
from typing import Any

from performing import perform_here

from migperf.cli.local_run import choose_partition
from migperf.gpus.drivers import open_driver
from migperf.gpus.partition import Partition
from migperf.gpus.selector import Selector
from migperf.measure.benchmark import Benchmark
from migperf.measure.engine import Engine, Precision, Runtime
from migperf.measure.engines.offer import engine_problem
from migperf.measure.launcher import Launcher
from migperf.measure.outcome import Ending
from migperf.metrics.instruments import Instruments, node_instruments
from migperf.settings import load_settings
from workloads.base import Task
from workloads.registry import card


def main() -> None:
    """Measure and print, one line as each run ends, then all by workload."""
    asked = _arguments()
    settings = load_settings()
    partition = choose_partition(Selector.model_validate(asked.where), settings)
    print(f"{partition.profile or partition.kind} of {partition.model}, {asked.scenario}, batch {asked.batch_size}")
    lines: dict[tuple[str, str], str] = {}
    instruments = node_instruments(settings, open_driver(settings))
    with Launcher() as launcher:
        launcher.wait_until_warm()
        cases = [(workload, engine) for workload in asked.workload for engine in _engines(asked.channels_last)]
        random.Random(0).shuffle(cases)
        for workload, engine in cases:
            lines[workload, engine.in_words()] = _line(launcher, instruments, partition, workload, engine, asked)
            print(lines[workload, engine.in_words()], flush=True)
    print()
    for _, line in sorted(lines.items()):
        print(line)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", action="append", required=True)
    parser.add_argument("--where", default="", help="which partition, such as kind=gpu (default: the first)")
    parser.add_argument("--scenario", default="offline", choices=["offline", "single_stream", "train"])
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--seconds", type=float, default=5.0, help="least length of each measured window")
    parser.add_argument("--channels-last", action="store_true", help="the same with channels innermost as well")
    return parser.parse_args()


def _engines(channels_last: bool) -> Iterator[Engine]:
    for runtime in Runtime:
        for precision in Precision:
            for last in (False, True) if channels_last else (False,):
                yield Engine(runtime=runtime, precision=precision, channels_last=last)


def _line(
    launcher: Launcher,
    instruments: Instruments,
    partition: Partition,
    workload: str,
    engine: Engine,
    asked: argparse.Namespace,
) -> str:
    task = Task.TRAINING if asked.scenario == "train" else Task.INFERENCE
    heading = f"{workload:12} {engine.in_words():32}"
    if (problem := engine_problem(card(workload), task, engine, None)) is not None:
        return f"{heading} not offered: {problem[1]}"
    outcome = perform_here(launcher, _benchmark(workload, engine, asked), partition, instruments)
    if outcome.ending is not Ending.SUCCEEDED:
        return f"{heading} {outcome.ending}: {(outcome.reason or '').splitlines()[0]}"
    figures = {figure.name: figure for figure in outcome.figures}
    speed, error = figures["throughput"], figures.get("engine_error")
    bounds = f"{speed.interval.low:.1f} to {speed.interval.high:.1f}" if speed.interval else "no interval"
    return f"{heading} {speed.value:9.1f} {speed.unit} ({bounds})" + (f", off by {error.value:.1e}" if error else "")


def _benchmark(workload: str, engine: Engine, asked: argparse.Namespace) -> Benchmark:
    request: dict[str, Any] = {
        "workload": workload,
        "scenario": asked.scenario,
        "engine": engine,
        "parameters": {"batch_size": asked.batch_size, "image_size": asked.image_size},
        "method": {"warmup_max_s": 5, "min_s": asked.seconds, "max_s": 4 * asked.seconds, "precision": 0.02},
    }
    return Benchmark.model_validate(request)


if __name__ == "__main__":
    main()
