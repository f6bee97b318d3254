"""Calibrating a partition: the runs that say what it attains. They are ordinary runs, stored as such."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from migperf.gpus.driver import Architecture
from migperf.gpus.partition import Partition
from migperf.measure.benchmark import Scenario
from workloads.base import Parameters
from workloads.micro.parameters import MatrixProductParameters, MemoryCopyParameters, Precision

_BEFORE_AMPERE = frozenset(one.name.lower() for one in Architecture if one < Architecture.AMPERE)


METHOD: Mapping[str, JsonValue] = {"min_steps": 60}
"""How a calibration is measured unless told otherwise: long enough for its figures to have an interval."""


@dataclass(frozen=True, slots=True)
class CalibrationRun:
    """A benchmark that calibrates: its workload and all of its parameters, defaults written out."""

    workload: str
    parameters: dict[str, JsonValue]

    @property
    def scenario(self) -> Scenario:
        """Steps back to back, so that nothing is waited for between them."""
        return Scenario.OFFLINE


COPY = CalibrationRun("memory-copy", MemoryCopyParameters().model_dump(mode="json"))
"""Says how many bytes a second."""


def product(precision: Precision) -> CalibrationRun:
    """Return the run that says how many FLOPs a second the partition attains in a precision."""
    parameters: Parameters = MatrixProductParameters(precision=precision)
    return CalibrationRun("matrix-product", parameters.model_dump(mode="json"))


def precisions_of(partition: Partition) -> tuple[Precision, ...]:
    """Return the precisions that a partition multiplies in; all, where its generation is not known."""
    if partition.device == "cpu":
        return (Precision.FP32, Precision.BF16, Precision.FP16)
    if partition.architecture in _BEFORE_AMPERE:
        return (Precision.FP32, Precision.FP16)
    return tuple(Precision)


def calibration_of(partition: Partition) -> Iterator[CalibrationRun]:
    """Yield every run that it takes to calibrate a partition."""
    yield from map(product, precisions_of(partition))
    yield COPY
