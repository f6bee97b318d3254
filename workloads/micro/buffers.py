"""How large a buffer is that no cache holds."""

import torch

from workloads.micro.parameters import MemoryCopyParameters

MIB = 1 << 20
MIB_ON_GPU, MIB_ON_CPU = 1024, 512
"""Far more than any cache holds, the last level of most server processors included."""


def buffer_mib(parameters: MemoryCopyParameters, device: torch.device) -> int:
    """Return the size that was asked for, or what the device takes by default, MiB."""
    return parameters.mib or (MIB_ON_GPU if device.type == "cuda" else MIB_ON_CPU)
