"""A host whose MPS control program is the tests' stand-in, which records what happens to it."""

import json
from pathlib import Path
from typing import Any

import psutil
import pytest

from migperf.gpus.mps.control import MpsFolders
from migperf.gpus.mps.daemon import MpsDaemon
from migperf.gpus.mps.leftovers import processes_in
from migperf.gpus.mps.limits import MpsLimits
from migperf.gpus.partition import Partition, PartitionKind
from migperf.gpus.shares import divide
from migperf.gpus.sharing import Sharing

PROGRAM = str(Path(__file__).parent / "bin" / "nvidia-cuda-mps-control")
GPU = "GPU-11111111-2222-3333-4444-555555555555"
MIG = "MIG-66666666-7777-8888-9999-000000000000"


class MpsHost:
    """Where daemons are started, and what became of them."""

    def __init__(self, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.base = base / "mps"
        self._monkeypatch = monkeypatch
        self._record = base / "record.jsonl"
        monkeypatch.setenv("STAND_IN_RECORD", str(self._record))

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self._monkeypatch.setenv(f"STAND_IN_{name.upper()}", value)

    def daemon(self, device: str = GPU, **limits: int) -> MpsDaemon:
        return MpsDaemon(device, self.base, program=PROGRAM, limits=MpsLimits(**limits))

    def events(self, event: str, device: str = GPU) -> list[dict[str, Any]]:
        lines = self._record.read_text().splitlines() if self._record.exists() else []
        return [told for told in map(json.loads, lines) if (told["event"], told["device"]) == (event, device)]

    def commands(self, device: str = GPU) -> list[str]:
        return [told["command"] for told in self.events("command", device)]

    def living(self, device: str = GPU) -> list[psutil.Process]:
        """Return daemons and servers of a device."""
        return processes_in(MpsFolders.of(self.base, device), PROGRAM)


def gpu(uuid: str = GPU, **changed: object) -> Partition:
    kind = PartitionKind.MIG if uuid.startswith("MIG") else PartitionKind.GPU
    return Partition(uuid=uuid, kind=kind, model="H100", gpu_uuid=GPU, sm_count=132, memory_mib=81559).model_copy(
        update=changed
    )


def shares(runs: int, partition: Partition | None = None, **sharing: object) -> tuple[Partition, ...]:
    return divide(partition or gpu(), Sharing.model_validate({"mode": "mps", **sharing}), runs)
