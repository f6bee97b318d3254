"""A request without what is at its default: as short as one would write it, and understood just the same."""

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from migperf.measure.search import MaxBatch
from migperf.measure.searching.batch_sizes import BATCH_SIZE, first_size
from migperf.store.experiments import EXPERIMENT_LABEL
from migperf.store.models import Run
from migperf.store.requests import RunRequest
from migperf.store.scheduled import SCHEDULE_LABEL

_ALWAYS = ("workload", "scenario")


def minimal_request(request: RunRequest) -> dict[str, JsonValue]:
    """Return what has to be said of a request, workload and scenario first. It validates to the same request."""
    given: dict[str, Any] = request.model_dump(mode="json", exclude_defaults=True)
    given |= {"parameters": _parameters(request)}
    if request.search is not None:
        # Which search it is has to be said, though each kind is its own default.
        given["search"] = {"kind": request.search.kind, **given["search"]}
    ordered = dict.fromkeys(_ALWAYS) | given
    return {name: value for name, value in ordered.items() if value != {} or name in _ALWAYS}


def request_of(run: Run) -> dict[str, Any]:
    """Return the request that a run was submitted by, defaults written out, without the labels that say by what.

    Whether its result was to be a point of a history is not known of a stored run.
    """
    labels = {label.key: label.value for label in run.labels if label.key not in (SCHEDULE_LABEL, EXPERIMENT_LABEL)}
    return run.benchmark | {
        "priority": run.priority,
        "timeout_s": run.timeout_s,
        "retry_limit": run.retry_limit,
        "taint_retry_limit": run.taint_retry_limit,
        "labels": labels,
    }


def _parameters(request: RunRequest) -> Mapping[str, JsonValue]:
    """Return the parameters that have to be said: those that differ from what they would be if they were left out."""
    card = request.card
    validated = card.parameters.model_validate(request.parameters)
    given = validated.model_dump(mode="json", exclude_defaults=True)
    if not isinstance(request.search, MaxBatch):
        return given
    # A search chooses its first size from the other parameters, and not by the workload's default.
    others = {name: value for name, value in given.items() if name != BATCH_SIZE}
    first = request.parameters[BATCH_SIZE]
    return others if first == first_size(card, others, request.search) else others | {BATCH_SIZE: first}
