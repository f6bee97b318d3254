"""GPM: what the units of a GPU, or of one GPU instance of it, did between two readings. Hopper and later."""

from collections.abc import Mapping
from types import MappingProxyType

from migperf.metrics import catalogue
from migperf.metrics.metric import Quantity

GPM_PERIOD_NS = 105_000_000
"""Averages need samples more than 100 ms apart: read so, each begins where the one before has ended.

Far enough apart for a turn that comes a little early, the one before having come late, not to find too young a sample.
"""
SENTINEL = float(0xFFFFFFFF)
"""Neither a percentage nor a rate in MiB/s comes near the least of NVML's sentinels for "no value"."""

ACTIVITY: Mapping[int, Quantity] = MappingProxyType(
    {
        1: catalogue.GRACT,
        2: catalogue.SM_ACTIVE,
        3: catalogue.SM_OCCUPANCY,
        4: catalogue.INTEGER_ACTIVE,
        5: catalogue.TENSOR_ACTIVE,
        6: catalogue.TENSOR_DFMA_ACTIVE,
        7: catalogue.TENSOR_HMMA_ACTIVE,
        9: catalogue.TENSOR_IMMA_ACTIVE,
        10: catalogue.DRAM_ACTIVE,
        11: catalogue.FP64_ACTIVE,
        12: catalogue.FP32_ACTIVE,
        13: catalogue.FP16_ACTIVE,
    }
)
"""NVML_GPM_METRIC_* that a GPU instance has of its own. 8 (DMMA) is left out: no quantity of ours means it."""
LINKS: Mapping[int, Quantity] = MappingProxyType(
    {
        20: catalogue.PCIE_SENT,
        21: catalogue.PCIE_RECEIVED,
        60: catalogue.NVLINK_RECEIVED,
        61: catalogue.NVLINK_SENT,
    }
)
"""Those of the board's links, which no instance has to itself. PCIe counts what is sent first, NVLink what comes in."""
