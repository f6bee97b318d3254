"""The fields of DCGM that become metrics: what exporters call them, whose they are, and their units.

Names, numbers, units and levels are those of DCGM's dcgm_fields.h and dcgm_fields.cpp; 4.6 gave many fields new names
and kept the old ones. A page has whichever name the exporter's collectors file uses.
"""

import re
from dataclasses import dataclass

from migperf.gpus.partition import Partition
from migperf.metrics import catalogue as c
from migperf.metrics.metric import Quantity

_PERCENT_PER_RATIO = 100.0
_MIB_PER_BYTE = 1.0 / (1 << 20)
_J_PER_MJ = 1e-3


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its number, its names (the most usual first), and how its values become those of a quantity."""

    number: int
    names: tuple[str, ...]
    quantity: Quantity
    scale: float = 1.0
    of_board: bool = False
    """Whether DCGM knows it of the whole board only. The exporter shows it with each GPU instance all the same."""

    def __str__(self) -> str:
        return f"{self.names[0]} (field {self.number})"


def _ratio(number: int, quantity: Quantity, *names: str) -> Field:
    return Field(number, tuple(f"DCGM_FI_PROF_{name}" for name in names), quantity, _PERCENT_PER_RATIO)


def _bytes_per_s(number: int, quantity: Quantity, name: str) -> Field:
    return Field(number, (f"DCGM_FI_PROF_{name}",), quantity, _MIB_PER_BYTE, of_board=True)


def _mib(number: int, quantity: Quantity, name: str) -> Field:
    return Field(number, (f"DCGM_FI_DEV_{name}",), quantity)


def _power(number: int, quantity: Quantity, *names: str) -> Field:
    return Field(number, tuple(f"DCGM_FI_DEV_{name}" for name in names), quantity, of_board=True)


_COMMON = (
    _ratio(1001, c.GRACT, "GR_ENGINE_ACTIVE", "GR_ENGINE_UTIL_RATIO"),
    _ratio(1002, c.SM_ACTIVE, "SM_ACTIVE", "SM_UTIL_RATIO"),
    _ratio(1003, c.SM_OCCUPANCY, "SM_OCCUPANCY", "SM_OCCUPANCY_RATIO"),
    _ratio(1004, c.TENSOR_ACTIVE, "PIPE_TENSOR_ACTIVE", "TENSOR_UTIL_RATIO"),
    _ratio(1005, c.DRAM_ACTIVE, "DRAM_ACTIVE", "DRAM_UTIL_RATIO"),
    _ratio(1006, c.FP64_ACTIVE, "PIPE_FP64_ACTIVE", "FP64_UTIL_RATIO"),
    _ratio(1007, c.FP32_ACTIVE, "PIPE_FP32_ACTIVE", "FP32_UTIL_RATIO"),
    _ratio(1008, c.FP16_ACTIVE, "PIPE_FP16_ACTIVE", "FP16_UTIL_RATIO"),
    _ratio(1013, c.TENSOR_IMMA_ACTIVE, "PIPE_TENSOR_IMMA_ACTIVE", "IMMA_UTIL_RATIO"),
    _ratio(1014, c.TENSOR_HMMA_ACTIVE, "PIPE_TENSOR_HMMA_ACTIVE", "HMMA_UTIL_RATIO"),
    _ratio(1015, c.TENSOR_DFMA_ACTIVE, "PIPE_TENSOR_DFMA_ACTIVE", "DFMA_UTIL_RATIO"),
    _ratio(1016, c.INTEGER_ACTIVE, "PIPE_INT_ACTIVE", "INT_UTIL_RATIO"),
    _bytes_per_s(1009, c.PCIE_SENT, "PCIE_TX_BYTES"),
    _bytes_per_s(1010, c.PCIE_RECEIVED, "PCIE_RX_BYTES"),
    _bytes_per_s(1011, c.NVLINK_SENT, "NVLINK_TX_BYTES"),
    _bytes_per_s(1012, c.NVLINK_RECEIVED, "NVLINK_RX_BYTES"),
    _mib(251, c.FB_FREE, "FB_FREE"),
    _mib(252, c.FB_USED, "FB_USED"),
    _mib(253, c.FB_RESERVED, "FB_RESERVED"),
    Field(156, ("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",), c.ENERGY, _J_PER_MJ, of_board=True),
)
_POWER_NAMES = ("POWER_USAGE", "BOARD_POWER_WATTS")
_INSTANT_NAMES = ("POWER_USAGE_INSTANT", "BOARD_POWER_RAW_WATTS")
_AVERAGING = (
    *_COMMON,
    _power(155, c.POWER_AVERAGE, *_POWER_NAMES),
    _power(157, c.POWER_INSTANT, *_INSTANT_NAMES),
)
_INSTANTANEOUS = (*_COMMON, _power(155, c.POWER_INSTANT, *_POWER_NAMES, *_INSTANT_NAMES))
NAMES = frozenset(name for field in _AVERAGING for name in field.names)
_GA100 = re.compile(r"\bA(100|800|30)\b")
_BEFORE_AMPERE = ("kepler", "maxwell", "pascal", "volta", "turing")


def fields_of(partition: Partition) -> tuple[Field, ...]:
    """Return the fields that a partition's GPU may have.

    DCGM's power (155) is nvmlDeviceGetPowerUsage: averaged over a second, but on GA100 (A100, A30) and older boards as
    it is now, and those have no average.
    """
    instantaneous = partition.architecture in _BEFORE_AMPERE or _GA100.search(partition.model) is not None
    return _INSTANTANEOUS if instantaneous else _AVERAGING
