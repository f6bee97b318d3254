"""Experiments of probes in a database: what each told and how it ended is the test's."""

from collections.abc import Mapping
from typing import Any

from migperf.gpus.partition import Partition, PartitionKind
from migperf.store.experiments import NewCell
from migperf.store.states import RunState
from tests import builders
from tests.analysis.experiments.made_experiments import CPU, Ending, alone, cell, throughput

SMALL = builders.partition("MIG-1", PartitionKind.MIG, profile="1g.10gb")
SCENARIOS = {"training": "train", "inference": "offline"}


def probe_cell(framework: str, task: str, partition: str = "cpu", **coordinates: Any) -> NewCell:
    """A cell of one probe of a framework; ``partition`` is a coordinate, where it is put is up to its ending."""
    spec = alone(workload="framework", scenario=SCENARIOS[task], parameters={"framework": framework})
    return cell(spec, framework=framework, task=task, partition=partition, **coordinates)


def server_cell(protocol: str, **coordinates: Any) -> NewCell:
    """A cell of one probe of a server."""
    spec = alone(workload="serving", parameters={"protocol": protocol})
    return cell(spec, protocol=protocol, **coordinates)


def spoken(framework: str, **more: Any) -> dict[str, Any]:
    """What a probe that got as far as computing has told."""
    return {
        "framework": framework,
        "framework_version": "1.2.3",
        "framework_companions": {"cuda": "13.0"},
        "framework_device": "cuda:0",
        **more,
    }


def works(coordinates: Mapping[str, Any], partition: Partition = CPU, **more: Any) -> Ending:
    """A probe that computed rightly."""
    return Ending([throughput(1000.0)], partition=partition, environment=spoken(coordinates["framework"], **more))


def fails(reason: str, coordinates: Mapping[str, Any] | None = None, partition: Partition = CPU) -> Ending:
    """A probe that failed; without coordinates one that died before it spoke."""
    told = {} if coordinates is None else spoken(coordinates["framework"], framework_device=None)
    return Ending(state=RunState.FAILED, reason=reason, partition=partition, environment=told)


def not_installed(coordinates: Mapping[str, Any], partition: Partition = CPU) -> Ending:
    """A probe that found no module."""
    told = {
        "framework": coordinates["framework"],
        "framework_version": None,
        "framework_obstacle": "not_installed",
    }
    reason = f"{coordinates['framework']} is not installed here"
    return Ending(state=RunState.DOES_NOT_COMPILE, reason=reason, partition=partition, environment=told)
