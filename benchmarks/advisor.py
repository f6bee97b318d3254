"""How long the advisor takes: 8 GPUs and 20 services, with and without neighbours that slow each other down.

python benchmarks/advisor.py [--limit-s 4] [--seeds 5]
"""

import argparse
import random
import time
from collections.abc import Iterator
from typing import Any

from migperf.analysis.advisor.advising import advise
from migperf.analysis.advisor.boards import named_stock
from migperf.analysis.advisor.demand import Demand

SERVICES = 20
BOARDS = {
    "8 × A100": ({"model": "a100-80gb", "count": 8},),
    "4 × A100, 4 × H100": ({"model": "a100-80gb", "count": 4}, {"model": "h100-80gb", "count": 4}),
}
SLICES = {"1g.10gb": 1, "1g.20gb": 1, "2g.20gb": 2, "3g.40gb": 3, "4g.40gb": 4, "7g.80gb": 7}
FASTER = {"*A100*": 1.0, "*H100*": 1.6}
PAIRS = {"no interference": 0.0, "3 % of pairs": 0.03, "10 % of pairs": 0.1}


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


def asked(demand: Demand) -> str:
    """Ask, and return what came of it."""
    begun_s = time.monotonic()
    found = advise(demand, named_stock(() if isinstance(demand.gpus, str) else demand.gpus), {})
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


def _figures(name: str, base: float, scaling: float, smallest: int) -> Iterator[dict[str, Any]]:
    for profile, slices in SLICES.items():
        for model, faster in FASTER.items():
            if slices >= smallest:
                per_s = base * slices**scaling * faster
                yield {"of": name, "profile": profile, "model": model, "throughput_per_s": per_s, "source": "made up"}


if __name__ == "__main__":
    main()
