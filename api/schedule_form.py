"""What the editor of a schedule begins with: an example, a stored schedule, or what has been measured once already."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import ValidationError

from api.experiment_form import EXAMPLE as EXPERIMENT_EXAMPLE
from api.experiment_form import file_of
from api.minimal_request import request_of
from migperf.experiments.document import Experiment
from migperf.experiments.writing import to_yaml, write_yaml
from migperf.schedules.document import Schedule
from migperf.store import schedules
from migperf.store.models import ExperimentRow, Run, ScheduleRow
from migperf.store.requests import RunRequest

BENCHMARK_EXAMPLE = """\
workload: resnet18
scenario: offline
where: {kind: cpu}                # which device: kind, gpu_model, node, partition, simulated
parameters: {batch_size: 1}
method: {min_s: 5}
"""
EXAMPLES = {"benchmark": BENCHMARK_EXAMPLE, "experiment": EXPERIMENT_EXAMPLE}
_DEFAULTS = {name: field.default for name, field in Schedule.model_fields.items() if not field.is_required()}
_NEW = _DEFAULTS | {"name": "", "cron": "30 2 * * *"}
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleForm:
    """The fields of the editor, and what is in its text area."""

    values: Mapping[str, Any]
    """Fields of the document by name, but for what it submits."""
    kind: Literal["benchmark", "experiment"]
    text: str
    stale: bool = False
    """Whether what was to be filled in is of another version, so that it is missing."""

    @classmethod
    def new(cls) -> Self:
        """Begin with an example."""
        return cls(values=_NEW, kind="benchmark", text=BENCHMARK_EXAMPLE)

    @classmethod
    def of_schedule(cls, row: ScheduleRow) -> Self:
        """Begin with a stored schedule."""
        document = schedules.document_of(row)
        kind: Literal["benchmark", "experiment"] = "experiment" if document.get("benchmark") is None else "benchmark"
        return cls(values=_DEFAULTS | document, kind=kind, text=subject_text(document))

    @classmethod
    def of_run(cls, run: Run) -> Self:
        """Begin with the benchmark of a run."""
        values = _NEW | {"name": _name(run.workload, run.scenario)}
        try:
            return cls(values=values, kind="benchmark", text=_benchmark_text(request_of(run)))
        except ValidationError:
            return cls(values=values, kind="benchmark", text="", stale=True)

    @classmethod
    def of_experiment(cls, row: ExperimentRow) -> Self:
        """Begin with the file of an experiment."""
        values = _NEW | {"name": _name(row.name)}
        try:
            return cls(values=values, kind="experiment", text=file_of(row))
        except ValidationError:
            return cls(values=values, kind="experiment", text="", stale=True)


def subject_text(document: Mapping[str, Any]) -> str:
    """Return what a schedule submits as YAML: without what is at its default, unless this version cannot read it."""
    benchmark, experiment = document.get("benchmark"), document.get("experiment")
    try:
        if benchmark is not None:
            return _benchmark_text(benchmark)
        return to_yaml(Experiment.model_validate(experiment))
    except ValidationError:
        return write_yaml(benchmark or experiment or {})


def _benchmark_text(benchmark: Mapping[str, Any]) -> str:
    given = RunRequest.model_validate(benchmark).model_dump(mode="json", exclude_defaults=True)
    first = {name: given[name] for name in ("workload", "scenario") if name in given}
    return write_yaml(first | given)


def _name(*parts: str) -> str:
    """Return a name that a schedule may have."""
    plain = re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")
    return plain[:_LONGEST_NAME].rstrip("-")
