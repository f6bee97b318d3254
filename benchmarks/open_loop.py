"""Whether the open loop measures what queueing theory says, in real time and with real children.

One server of known service time (the workload ``known-service``), Poisson arrivals, loads up to 90 %: mean waiting and
p50, p90 and p99 of latency beside M/D/1 and M/M/1. Then a stall of one second under constant arrivals, and how many
requests show it. Each run goes its way through supervisor and child. Exit status 1 if a figure's interval misses theory
by more than ``SLACK``, as other work of this host delays real requests.

    python benchmarks/open_loop.py --seconds 30
"""

import argparse
from collections.abc import Iterator, Mapping

import numpy as np
from performing import perform_here

from migperf.gpus.host_cpu import cpu_partition
from migperf.measure.benchmark import Benchmark
from migperf.measure.figures import ResultFigure
from migperf.measure.launcher import Launcher
from migperf.measure.outcome import Ending, Outcome
from migperf.statistics.queueing import latency_quantile, mean_wait

SERVICE_MS = 5.0
LOADS = (0.3, 0.6, 0.9)
QUANTILES = {"latency_p50": 0.5, "latency_p90": 0.9, "latency_p99": 0.99}
SLACK = 0.1


def main() -> None:
    """Measure, print, and exit with 1 if theory is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="length of each measured window")
    arguments = parser.parse_args()
    missed = 0
    with Launcher() as launcher:
        launcher.wait_until_warm()
        print(f"{'queue':6} {'load':>5} {'figure':20} {'theory':>9} {'measured':>9}  95 % interval, ms")
        for distribution in ("deterministic", "exponential"):
            for load in LOADS:
                outcome = run(launcher, {"distribution": distribution}, load, "poisson", arguments.seconds)
                for line, hit in lines(outcome, load, constant=distribution == "deterministic"):
                    missed += not hit
                    print(line, flush=True)
        print(stalled(run(launcher, {"stall_at_request": 400, "stall_s": 1.0}, 0.5, "constant", 8.0)))
    raise SystemExit(1 if missed else 0)


def run(launcher: Launcher, parameters: Mapping[str, object], load: float, arrivals: str, seconds: float) -> Outcome:
    """Perform one run on this host's CPU."""
    benchmark = Benchmark.model_validate(
        {
            "workload": "known-service",
            "scenario": "server",
            "parameters": {"service_ms": SERVICE_MS, **parameters},
            "load": {"rate_per_s": 1000 * load / SERVICE_MS, "arrivals": arrivals},
            "method": {
                "warmup_s": 2,
                "steady_within": None,
                "min_s": seconds,
                "precision": None,
                "max_s": 10 * seconds,
            },
        }
    )
    outcome = perform_here(launcher, benchmark, cpu_partition())
    if outcome.ending is not Ending.SUCCEEDED:
        raise SystemExit(f"the run ended as {outcome.ending}: {outcome.reason}")
    return outcome


def lines(outcome: Outcome, load: float, *, constant: bool) -> Iterator[tuple[str, bool]]:
    """Yield a line for each figure, and whether theory lies within its interval or close to it."""
    figures = {figure.name: figure for figure in outcome.figures}
    expected = {name: latency_quantile(q, load, constant=constant) for name, q in QUANTILES.items()}
    for name, theory in {"queueing_time_mean": mean_wait(load, constant=constant), **expected}.items():
        yield _line("M/D/1" if constant else "M/M/1", load, figures[name], theory * SERVICE_MS)


def _line(queue: str, load: float, figure: ResultFigure, theory_ms: float) -> tuple[str, bool]:
    found = figure.interval
    if figure.value is None or found is None:
        return (
            f"{queue:6} {load:5.0%} {figure.name:20} {theory_ms:9.3f} {'–':>9}  {figure.absent or 'no interval'}",
            True,
        )
    hit = found.low * (1 - SLACK) <= theory_ms <= found.high * (1 + SLACK)
    bounds = f"{found.low:.3f} to {found.high:.3f}{'' if hit else '  MISSED'}"
    return f"{queue:6} {load:5.0%} {figure.name:20} {theory_ms:9.3f} {figure.value:9.3f}  {bounds}", hit


def stalled(outcome: Outcome) -> str:
    """Say how many requests a stall of a second delayed."""
    latency_ms = next(series for series in outcome.series if series.metric.name == "latency").chunk.value
    late = int(np.sum(latency_ms > 2 * SERVICE_MS))
    return f"a stall of 1 s at 50 % load: {late} requests late, the latest by {latency_ms.max() / 1000:.2f} s"


if __name__ == "__main__":
    main()
