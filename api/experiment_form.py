"""What the form for a new experiment begins with: an example, or the file of an earlier experiment."""

from typing import Any

from migperf.analysis.experiments.axes import axes_of
from migperf.experiments.axes import short_names
from migperf.experiments.document import Experiment
from migperf.experiments.writing import to_yaml
from migperf.store.models import ExperimentRow

EXAMPLE = """\
migperf: 1                        # version of the format
name: batch-size                  # small letters, digits and hyphens
title: ResNet-18 by batch size
where: {kind: cpu}                # which device: kind, gpu_model, node, partition, simulated
benchmark:
  workload: resnet18
  scenario: offline
  method: {warmup_s: 1, steady_within: null, min_s: 2, precision: null}
matrix:
  benchmark.parameters.batch_size: [1, 2, 4]
repeats: 3
"""


def file_of(row: ExperimentRow) -> str:
    """Return the file of a stored experiment. Raises pydantic.ValidationError where it is of another version."""
    coordinates = [cell.coordinates for cell in row.cells]
    return to_yaml(Experiment.model_validate(row.document | {"matrix": _in_order(row.document, coordinates)}))


def _in_order(document: dict[str, Any], coordinates: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the matrix with axes and choices in the order that the cells tell: PostgreSQL sorts keys."""
    matrix: dict[str, Any] = document.get("matrix", {})
    names = short_names(tuple(matrix))
    values = {axis.path: axis.values for axis in axes_of(coordinates)}
    ordered = sorted(matrix, key=lambda axis: _place(names[axis], tuple(values)))
    return {axis: _choices_in_order(matrix[axis], values.get(names[axis], ())) for axis in ordered}


def _choices_in_order(given: Any, labels: tuple[Any, ...]) -> Any:  # noqa: ANN401 - a list of values stays as it is
    if not isinstance(given, dict):
        return given
    return {label: given[label] for label in sorted(given, key=lambda label: _place(label, labels))}


def _place(wanted: object, within: tuple[object, ...]) -> int:
    """What the cells do not have, since it was excluded, comes last."""
    return within.index(wanted) if wanted in within else len(within)
