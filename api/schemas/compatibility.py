"""Which framework works on which partition, as watchers see it."""

from typing import TYPE_CHECKING, Any, Self

from pydantic import ConfigDict, Field

from api.schemas.view import View
from migperf.analysis.compatibility import Verdict

if TYPE_CHECKING:
    from migperf.analysis.compatibility import Cell, CompatibilityMatrix

_EXAMPLE: dict[str, Any] = {
    "columns": [{"partition": "1g.10gb", "simulated": False}],
    "rows": [
        {
            "framework": "jax",
            "task": "training",
            "cells": [
                {
                    "verdict": "works",
                    "reason": None,
                    "version": "0.10.2",
                    "companions": {"jaxlib": "0.10.2"},
                    "device": "cuda:0 (NVIDIA H100 80GB HBM3 MIG 1g.10gb)",
                    "probes": 1,
                }
            ],
        }
    ],
}


class MatrixColumn(View):
    """Partitions of one name; simulated ones have columns of their own."""

    partition: str = Field(description="Profile, or kind where not cut; of probes of servers, which server was asked.")
    simulated: bool = Field(description="No such partition exists: the probe computed on a CPU.")


class MatrixCell(View):
    """What is known of a framework and task in one column."""

    verdict: Verdict
    reason: str | None = Field(description="Why it does not work, or is not known to; null where it works.")
    version: str | None = Field(description="The framework's, or the server's; null where it is not told.")
    companions: dict[str, str] | None = Field(description="Versions of what it stands on, by name.")
    device: str | None = Field(description="Where it computed, in its own words; null where it does not tell.")
    probes: int = Field(description="How many runs the verdict rests on.")

    @classmethod
    def of(cls, cell: "Cell") -> Self:
        """Show a cell."""
        return cls(
            verdict=cell.verdict,
            reason=cell.reason,
            version=cell.version,
            companions=None if cell.companions is None else dict(cell.companions),
            device=cell.device,
            probes=cell.probes,
        )


class MatrixRow(View):
    """One framework and task, with a cell for each column, in their order."""

    framework: str
    task: str
    cells: list[MatrixCell]


class Compatibility(View):
    """Which framework does which task on which partition; empty where an experiment has no probes."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    columns: list[MatrixColumn]
    rows: list[MatrixRow]

    @classmethod
    def of(cls, matrix: "CompatibilityMatrix") -> Self:
        """Show a matrix."""
        return cls(
            columns=[MatrixColumn(partition=one.partition, simulated=one.simulated) for one in matrix.columns],
            rows=[
                MatrixRow(framework=row.framework, task=row.task, cells=[MatrixCell.of(cell) for cell in row.cells])
                for row in matrix.rows
            ],
        )
