"""The problem in PyTorch's DistributedDataParallel: each rank has its share of the batch and of the same weights.

On a CPU two ranks exchange gradients by Gloo. On a GPU there is one, by NCCL, which refuses two ranks on one device;
and instances of MIG are no peers of one another, so that a second rank would have to be on another GPU.
"""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, distributed
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from workloads.frameworks.problem import LEARNING_RATE, Batch, Problem
from workloads.frameworks.programs.program import TrainingProgram, Versions, Whereabouts
from workloads.frameworks.programs.pytorch import network, versions, whereabouts

TIMEOUT = timedelta(seconds=60)
PEER_ENDS_WITHIN_S = 10.0


class Rank:
    """One rank's model and optimiser; all ranks take each step together, each on its own share of the batch."""

    def __init__(self, problem: Problem, device: torch.device, store: Path, rank: int, ranks: int) -> None:
        self._device, self._rank, self._ranks = device, rank, ranks
        # Without it, Gloo asks the resolver for the host's own name, which many a container has no answer to.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        distributed.init_process_group(
            backend="nccl" if device.type == "cuda" else "gloo",
            init_method=f"file://{store}",
            rank=rank,
            world_size=ranks,
            timeout=TIMEOUT,
        )
        model = network(problem.weights).to(device)
        self.model = DistributedDataParallel(model)
        self._optimizer = torch.optim.SGD(self.model.parameters(), lr=LEARNING_RATE)

    def agree(self, go_on: bool) -> bool:
        """Return what rank 0 has decided: whether there is another step."""
        decision = torch.tensor([int(go_on)], device=self._device)
        distributed.broadcast(decision, src=0)
        return bool(decision.item())

    def step(self, batch: Batch) -> Tensor:
        """Take a step on the whole batch; return its loss before the step, scalar, on the device."""
        images, labels = (
            torch.from_numpy(value[self._rank :: self._ranks]).to(self._device)
            for value in (batch.images, batch.labels)
        )
        self._optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(self.model(images), labels)
        loss.backward()
        self._optimizer.step()
        whole = loss.detach().clone()
        distributed.all_reduce(whole)
        return whole / self._ranks


class DataParallel(TrainingProgram):
    """Rank 0 in the run's own process, and on a CPU a second one in a process that lives no longer than it."""

    def __init__(self, problem: Problem, device: torch.device) -> None:
        ranks = 1 if device.type == "cuda" else 2
        self._folder = TemporaryDirectory(prefix="migperf-ddp-")
        store = Path(self._folder.name) / "store"
        self._peer = _peer(store, problem.seed) if ranks > 1 else None
        self._rank = Rank(problem, device, store, 0, ranks)
        backend = distributed.get_backend()
        own = versions()
        self.versions = Versions(
            framework=own.framework, companions={**own.companions, "backend": backend, "ranks": str(ranks)}
        )

    def train(self, batch: Batch) -> float:
        """See TrainingProgram."""
        self._rank.agree(go_on=True)
        self._loss = self._rank.step(batch)
        return self._loss.item()

    def whereabouts(self) -> Whereabouts:
        """See Program."""
        return whereabouts(self._loss)

    def close(self) -> None:
        """Have the other rank end, and leave the group."""
        self._rank.agree(go_on=False)
        distributed.destroy_process_group()
        if self._peer is not None:
            self._peer.wait(timeout=PEER_ENDS_WITHIN_S)
        self._folder.cleanup()


def _peer(store: Path, seed: int) -> "subprocess.Popen[bytes]":
    """Start the second rank. It writes into the run's log, and is in the run's session, so it ends with the run."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    command = [sys.executable, "-m", "workloads.frameworks.programs.ddp_peer", str(store), str(seed)]
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)  # noqa: S603 - this very program
