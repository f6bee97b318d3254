"""The plan of an experiment on a device: its cells, the order, the layouts on the way, and how long it will take."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from migperf.experiments.axes import Cell
from migperf.experiments.checking import check
from migperf.experiments.compiling import compile_cell
from migperf.experiments.document import Experiment
from migperf.experiments.estimate import RECUT_S, Duration, Seen, duration_of, nothing_seen, total
from migperf.experiments.group import GroupSpec
from migperf.experiments.order import Turn, order_of
from migperf.experiments.target import NotOnThisDeviceError, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCell:
    """A cell, and the group that it stands for on the device or why there is none."""

    cell: Cell
    spec: GroupSpec | None
    skipped: str | None = None
    duration: Duration | None = None

    def as_data(self) -> dict[str, Any]:
        """Return what is worth telling of it, for JSON."""
        data: dict[str, Any] = {"coordinates": dict(self.cell.coordinates), "skipped": self.skipped}
        if self.spec is None or self.duration is None:
            return data
        members = self.spec.members
        return data | {
            "runs": len(members),
            "layout": self.spec.layout,
            "profiles": sorted({p for m in members if (p := m.benchmark.where.profile)}),
            "sharing": None if self.spec.sharing is None else str(self.spec.sharing.mode),
            "expected_s": round(self.duration.expected_s, 1),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What submitting the experiment for that device would do."""

    target: Target
    cells: tuple[PlannedCell, ...]
    order: tuple[Turn, ...]
    """Without the cells that are skipped."""
    duration: Duration
    """One cell after the other; the longest with every repeat tried again as often as may be."""

    @property
    def layouts(self) -> tuple[str, ...]:
        """The layouts that the GPU gets, in the order in which they are first needed."""
        specs = (self.cells[cell].spec for cell, _ in self.order)
        return tuple(dict.fromkeys(spec.layout for spec in specs if spec is not None and spec.layout is not None))

    @property
    def recuts(self) -> int:
        """How often the GPU is cut anew on the way, the first time included."""
        return _recuts(self.cells, self.order)

    @property
    def runs(self) -> int:
        """How many runs it takes."""
        specs = (self.cells[cell].spec for cell, _ in self.order)
        return sum(len(spec.members) for spec in specs if spec is not None)

    def as_data(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "device": {"uuid": self.target.uuid, "model": self.target.model, "simulated": self.target.simulated},
            "cells": [planned.as_data() for planned in self.cells],
            "order": [list(turn) for turn in self.order],
            "runs": self.runs,
            "layouts": list(self.layouts),
            "recuts": self.recuts,
            "expected_s": round(self.duration.expected_s, 1),
            "longest_s": round(self.duration.longest_s, 1),
            "expected_from": "earlier runs" if self.duration.seen else "what the benchmarks ask for",
        }


def make_plan(experiment: Experiment, target: Target, seen: Seen = nothing_seen) -> Plan:
    """Return the plan. Raises ExperimentError for what is wrong with the file itself."""
    cells = tuple(_planned(experiment, cell, target, seen) for cell in check(experiment))
    # Only those that are performed are put in order: a balanced one would lose its balance by leaving some out.
    performed = [planned.cell.number for planned in cells if planned.spec is not None]
    turns = order_of(len(performed), experiment.repeats, experiment.order, experiment.seed)
    order = tuple((performed[place], repeat) for place, repeat in turns)
    each = [duration for cell, _ in order if (duration := cells[cell].duration) is not None]
    cutting_s = RECUT_S * _recuts(cells, order)
    duration = total(each)
    expected_s = duration.expected_s + cutting_s
    longest_s = (1 + experiment.retry_failed) * (duration.longest_s + cutting_s)
    longer = Duration(expected_s, longest_s, duration.seen)
    return Plan(target=target, cells=cells, order=order, duration=longer)


def _planned(experiment: Experiment, cell: Cell, target: Target, seen: Seen) -> PlannedCell:
    try:
        spec = compile_cell(experiment, cell, target)
    except NotOnThisDeviceError as error:
        return PlannedCell(cell=cell, spec=None, skipped=str(error))
    return PlannedCell(cell=cell, spec=spec, duration=duration_of(spec, experiment.timeout_s, seen))


def _recuts(cells: tuple[PlannedCell, ...], order: tuple[Turn, ...]) -> int:
    layouts = [None, *(spec.layout for cell, _ in order if (spec := cells[cell].spec) is not None)]
    return sum(after is not None and before != after for before, after in pairwise(layouts))
