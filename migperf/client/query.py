"""The filters of a listing of runs, and how they become query parameters."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypedDict

MAX_PAGE = 200
"""The service gives no more runs at a time."""


class RunSelection(TypedDict, total=False):
    """Which runs; what is left out does not matter."""

    state: str | Iterable[str]
    """One state, or several of which a run may have any."""
    workload: str
    scenario: str
    fingerprint: str
    partition: str
    """UUID of the partition."""
    node: str
    """Node that the partition belongs to."""
    kind: str
    """Kind of the partition, such as ``mig``."""
    profile: str
    """MIG profile of the partition, such as ``1g.10gb``."""
    gpu_model: str
    """Board or processor model; ``*`` and ``?`` match, case is ignored."""
    text: str
    """Words that are in its workload or its labels (``key=value``), or that its id begins with."""
    experiment: str
    """Id of the experiment that it belongs to; ApiNotFoundError if there is none."""
    tainted: bool
    """Only runs whose figures may be off, or only those where nothing was found."""
    labels: Mapping[str, str]
    """Labels that a run must all have."""
    created_after: datetime | str
    created_before: datetime | str
    ids: Iterable[str]
    """Only these."""
    sort: str
    """``created_at``, ``finished_at``, ``duration_s``, ``workload`` or ``priority``; minus: the highest comes first."""


class RunQuery(RunSelection, total=False):
    """Which runs to list, and how many."""

    limit: int
    """At most so many runs; all of them if left out."""


def query_parameters(query: RunQuery) -> list[tuple[str, str]]:
    """Return the filters as the service wants them, and how many runs it is to give at a time."""
    return [("limit", str(min(query.get("limit", MAX_PAGE), MAX_PAGE))), *selection_parameters(query)]


def selection_parameters(selection: RunSelection) -> list[tuple[str, str]]:
    """Return the filters as the service wants them; states, labels and ids repeat."""
    parameters: list[tuple[str, str]] = []
    for name, value in selection.items():
        match name, value:
            case "limit", _:
                continue
            case "labels", Mapping():
                parameters += [("label", f"{key}={wanted}") for key, wanted in value.items()]
            case "ids", Iterable():
                parameters += [("id", str(run_id)) for run_id in value]
            case "state", str():
                parameters.append(("state", str(value)))
            case "state", Iterable():
                parameters += [("state", str(state)) for state in value]
            case _, bool():
                parameters.append((name, str(value).lower()))
            case _, datetime():
                parameters.append((name, value.isoformat()))
            case _:
                parameters.append((name, str(value)))
    return parameters
