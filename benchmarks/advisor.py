"""How long the advisor takes: 8 GPUs and 20 services, with and without neighbours that slow each other down.

python benchmarks/advisor.py [--limit-s 4] [--seeds 5]
"""

import argparse
import random
import time
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from migperf.analysis.advisor.advising import advise
from migperf.analysis.advisor.boards import named_stock
from migperf.analysis.advisor.demand import Demand
from migperf.analysis.advisor.interference import Instances, Slowdown

SERVICES = 20
BOARDS = {
    "8 × A100": ({"model": "a100-80gb", "count": 8},),
    "4 × A100, 4 × H100": ({"model": "a100-80gb", "count": 4}, {"model": "h100-80gb", "count": 4}),
}
SLICES = {"1g.10gb": 1, "1g.20gb": 1, "2g.20gb": 2, "3g.40gb": 3, "4g.40gb": 4, "7g.80gb": 7}
FASTER = {"*A100*": 1.0, "*H100*": 1.6}
PAIRS = {"no interference": 0.0, "3 % of pairs": 0.03, "10 % of pairs": 0.1}
MEASURED = {"3 % by profile": 0.03, "10 % by profile": 0.1}
"""Of pairs of jobs, as runs measured together tell it: on each pair of profiles something else."""


def main() -> None:
    """Print a line for each kind of demand and seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit-s", type=float, default=4.0)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    print(f"{'GPUs':<20}{'goal':<17}{'known of neighbours':<21}{'seed':>4}  {'status':<10}{'gap':>8}  ties    time")
    for name, gpus in BOARDS.items():
        for goal in ("fewest_gpus", "most_throughput"):
            for pairs, share in PAIRS.items():
                for seed in range(given.seeds):
                    demand = demand_of(gpus, goal, share, seed, given.limit_s)
                    print(f"{name:<20}{goal:<17}{pairs:<21}{seed:>4}  {asked(demand)}", flush=True)
            for pairs, share in MEASURED.items():
                for seed in range(given.seeds):
                    demand = demand_of(gpus, goal, 0.0, seed, given.limit_s)
                    measured = measured_together(demand, share, seed)
                    print(f"{name:<20}{goal:<17}{pairs:<21}{seed:>4}  {asked(demand, measured)}", flush=True)


def asked(demand: Demand, measured: Sequence[Slowdown] = ()) -> str:
    """Ask, and return what came of it."""
    begun_s = time.monotonic()
    found = advise(demand, named_stock(() if isinstance(demand.gpus, str) else demand.gpus), {}, measured)
    took_s = time.monotonic() - begun_s
    gap = "–" if found.proof.gap is None else f"{found.proof.gap:.2%}"
    return f"{found.status:<10}{gap:>8}  {'proved' if found.proof.ties_proved else 'open':<6}{took_s:>6.2f} s"


def demand_of(gpus: tuple[dict[str, Any], ...], goal: str, share: float, seed: int, limit_s: float) -> Demand:
    """Make up a demand that fills most of the GPUs."""
    generator = random.Random(seed)
    names = [f"service-{number}" for number in range(SERVICES)]
    weighted = set(names[::4]) if goal == "most_throughput" else set()
    services: list[dict[str, Any]] = []
    measured: list[dict[str, Any]] = []
    for name in names:
        base, scaling, smallest = (
            generator.uniform(50, 400),
            generator.uniform(0.5, 1),
            generator.choice([1, 1, 1, 2, 3]),
        )
        rate = base * generator.uniform(0.5, 3)
        wanted = {"weight": generator.uniform(0.5, 2)} if name in weighted else {"rate_per_s": rate}
        services.append({"name": name, **wanted})
        measured += list(_figures(name, base, scaling, smallest))
    pairs = [(of, beside) for of in names for beside in names if generator.random() < share]
    interference = [{"of": o, "beside": b, "slowdown": generator.choice([1.04, 1.08, 1.15])} for o, b in pairs]
    return Demand.model_validate(
        {
            "migperf": 1,
            "gpus": gpus,
            "goal": goal,
            "services": services,
            "measured": measured,
            "interference": interference,
            "time_limit_s": limit_s,
        }
    )


def measured_together(demand: Demand, share: float, seed: int) -> list[Slowdown]:
    """Make up what some pairs of jobs cost each other on each pair of profiles of each board."""
    generator = random.Random(seed)
    boards = named_stock(() if isinstance(demand.gpus, str) else demand.gpus)
    names = [job.name for job in demand.jobs]
    pairs = [pair for pair in product(names, repeat=2) if generator.random() < share]
    return [
        Slowdown(of=of, beside=beside, factor=1 + generator.randrange(16) / 100, says="made up", on=on)
        for of, beside in pairs
        for on in (Instances(board.model, *profiles) for board in boards for profiles in product(SLICES, repeat=2))
    ]


def _figures(name: str, base: float, scaling: float, smallest: int) -> Iterator[dict[str, Any]]:
    for profile, slices in SLICES.items():
        for model, faster in FASTER.items():
            if slices >= smallest:
                per_s = base * slices**scaling * faster
                yield {"of": name, "profile": profile, "model": model, "throughput_per_s": per_s, "source": "made up"}


if __name__ == "__main__":
    main()
