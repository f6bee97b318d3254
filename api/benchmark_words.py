"""What of a benchmark is not at the defaults of its workload, of engines and of loads, in a line for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from migperf.measure.engine import Engine
from migperf.measure.load import Load
from workloads.registry import catalogue


def departures(benchmark: Mapping[str, Any] | None) -> str:
    """Return it by name: ``batch_size=4, precision=bf16``; empty where all is at its default, or nothing is known.

    ``benchmark`` is a stored one, defaults written out. Of a workload that is not installed all parameters are told.
    """
    if benchmark is None:
        return ""
    card = catalogue().get(benchmark["workload"])
    told = [
        *_departures(None if card is None else card.parameters, benchmark["parameters"]),
        *_departures(Engine, benchmark.get("engine")),
        *_departures(Load, benchmark.get("load")),
    ]
    return ", ".join(f"{name}={value}" for name, value in told)


def _departures(model: type[BaseModel] | None, values: Mapping[str, Any] | None) -> Iterator[tuple[str, Any]]:
    fields = {} if model is None else model.model_fields
    for name, value in (values or {}).items():
        if name not in fields or value != fields[name].get_default(call_default_factory=True, validated_data={}):
            yield name, value
