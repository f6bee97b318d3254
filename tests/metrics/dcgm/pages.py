"""Pages as a dcgm-exporter writes them, of a whole A100, an A100 cut in seven, and an A30."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

A100 = "GPU-5fd4a087-9a5c-4f6b-8c0e-3b1f2f1d7a10"
A30 = "GPU-c7a1e2b4-0d55-4a3f-93ab-6e20b7c9f001"
KINDS = {"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": "counter"}

Value = float | str


@dataclass(frozen=True)
class Labels:
    """What the exporter knows of a GPU or GPU instance."""

    uuid: str = A100
    model: str = "NVIDIA A100-SXM4-80GB"
    instance: int | None = None
    profile: str = "1g.10gb"
    uuid_label: str = "UUID"

    def __str__(self) -> str:
        mig = "" if self.instance is None else f',GPU_I_PROFILE="{self.profile}",GPU_I_ID="{self.instance}"'
        return (
            f'gpu="0",{self.uuid_label}="{self.uuid}",pci_bus_id="00000000:07:00.0",device="nvidia0",'
            f'modelName="{self.model}"{mig},Hostname="node-7",DCGM_FI_DRIVER_VERSION="570.133.20"'
        )


def page(rows: Mapping[str, Iterable[tuple[Labels, Value]]]) -> str:
    """One page: the rows of each field, by its name."""
    lines = []
    for name, values in rows.items():
        lines += [f"# HELP {name} What it is, in words.", f"# TYPE {name} {KINDS.get(name, 'gauge')}"]
        lines += [f"{name}{{{labels}}} {value}" for labels, value in values]
    return "\n".join(lines) + "\n"


def merged(*parts: Mapping[str, list[tuple[Labels, Value]]]) -> str:
    """One page of several GPUs."""
    names = dict.fromkeys(name for part in parts for name in part)
    return page({name: [row for part in parts for row in part.get(name, [])] for name in names})


WHOLE_A100_VALUES: dict[str, Value] = {
    "DCGM_FI_DEV_SM_CLOCK": 1410,
    "DCGM_FI_DEV_POWER_USAGE": "287.125000",
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": 5912345678,
    "DCGM_FI_DEV_FB_FREE": 70000,
    "DCGM_FI_DEV_FB_USED": 10240,
    "DCGM_FI_DEV_FB_RESERVED": 680,
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE": "0.912500",
    "DCGM_FI_PROF_SM_ACTIVE": "0.750000",
    "DCGM_FI_PROF_SM_OCCUPANCY": "0.312500",
    "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": "0.500000",
    "DCGM_FI_PROF_DRAM_ACTIVE": "0.625000",
    "DCGM_FI_PROF_PIPE_FP64_ACTIVE": "0.000000",
    "DCGM_FI_PROF_PIPE_FP32_ACTIVE": "0.125000",
    "DCGM_FI_PROF_PIPE_FP16_ACTIVE": "0.062500",
    "DCGM_FI_PROF_PIPE_TENSOR_IMMA_ACTIVE": "0.000000",
    "DCGM_FI_PROF_PIPE_TENSOR_HMMA_ACTIVE": "0.500000",
    "DCGM_FI_PROF_PIPE_TENSOR_DFMA_ACTIVE": "0.000000",
    "DCGM_FI_PROF_PIPE_INT_ACTIVE": "0.250000",
    "DCGM_FI_PROF_PCIE_TX_BYTES": 10485760,
    "DCGM_FI_PROF_PCIE_RX_BYTES": 524288,
    "DCGM_FI_PROF_NVLINK_TX_BYTES": 0,
    "DCGM_FI_PROF_NVLINK_RX_BYTES": 2097152,
}


def whole_a100(changes: Mapping[str, Value] | None = None) -> dict[str, list[tuple[Labels, Value]]]:
    """The rows of an A100 that is not cut."""
    return {name: [(Labels(), value)] for name, value in (WHOLE_A100_VALUES | dict(changes or {})).items()}


def a100_in_seven(instances: Iterable[int] = range(7, 14)) -> dict[str, list[tuple[Labels, Value]]]:
    """The rows of an A100 cut in seven: the board's own values with each instance, activity an instance's own."""
    each = [Labels(instance=instance) for instance in instances]
    return {
        "DCGM_FI_DEV_POWER_USAGE": [(labels, "214.500000") for labels in each],
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": [(labels, 7000000) for labels in each],
        "DCGM_FI_PROF_PCIE_TX_BYTES": [(labels, 3145728) for labels in each],
        "DCGM_FI_DEV_FB_USED": [(labels, 100 + labels.instance) for labels in each],
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE": [(labels, f"{labels.instance / 100:f}") for labels in each],
        "DCGM_FI_PROF_SM_ACTIVE": [(labels, f"{labels.instance / 200:f}") for labels in each],
    }


def a30() -> dict[str, list[tuple[Labels, Value]]]:
    """The rows of an A30, as a short collectors file leaves them."""
    labels = Labels(uuid=A30, model="NVIDIA A30")
    return {
        "DCGM_FI_DEV_POWER_USAGE": [(labels, "91.000000")],
        "DCGM_FI_DEV_FB_USED": [(labels, 2048)],
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE": [(labels, "0.330000")],
    }
