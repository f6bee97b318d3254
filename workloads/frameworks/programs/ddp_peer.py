"""The second rank of the data-parallel probe: ``python -m workloads.frameworks.programs.ddp_peer STORE SEED``."""

import sys
from pathlib import Path

import torch
from torch import distributed

from workloads.frameworks.problem import problem
from workloads.frameworks.programs.ddp import Rank


def main(store: str, seed: str) -> None:
    """Take each step with rank 0 until it says that there is none left."""
    asked = problem(int(seed))
    rank = Rank(asked, torch.device("cpu"), Path(store), 1, 2)
    while rank.agree(go_on=True):
        rank.step(asked.batches[0])
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
