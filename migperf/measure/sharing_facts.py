"""Whether a child computes in the way in which its partition is shared: CUDA does not say so by itself.

A client that finds no MPS daemon computes without one, and without its limits; and one that finds a daemon of somebody
else's computes through that.
"""

from typing import TYPE_CHECKING

from pydantic import JsonValue

from migperf.errors import MigperfError
from migperf.gpus.cuda_driver import CudaDriver
from migperf.gpus.partition import Partition, PartitionKind

if TYPE_CHECKING:
    import torch


class SharedOtherwiseError(MigperfError):
    """A run is not shared as its partition says, so what it would measure is something else."""


def sharing_facts(partition: Partition, device: "torch.device") -> dict[str, JsonValue]:
    """Return whether this process computes through MPS; null where the driver does not tell.

    CUDA must be in use already. Raises SharedOtherwiseError where that is not what the partition says.
    """
    if device.type != "cuda":
        return {}
    enabled = CudaDriver().mps_enabled()
    require_mode(partition, enabled)
    return {"mps_enabled": enabled}


def require_mode(partition: Partition, mps_enabled: bool | None) -> None:
    """Raise SharedOtherwiseError if a share computes through MPS and must not, or does not and must."""
    asked = partition.kind is PartitionKind.MPS
    if partition.share is None or mps_enabled is None or mps_enabled == asked:
        return
    if asked:
        raise SharedOtherwiseError(
            f"{partition.uuid} is a share of MPS, and CUDA found no MPS daemon: it ended, or runs as another user"
        )
    raise SharedOtherwiseError(
        f"{partition.uuid} is no share of MPS, and CUDA found an MPS daemon on this host: stop it (echo quit | "
        "nvidia-cuda-mps-control), or compare with mps instead"
    )
