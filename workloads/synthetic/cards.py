"""Catalogue entries of the synthetic payloads. Holds no torch."""

from workloads.base import Card, Task
from workloads.synthetic.parameters import KnownServiceParameters, NullParameters

CARDS = (
    Card(
        name="null",
        title="Null",
        summary="Does nothing: what a run of it shows is the cost of the harness itself.",
        tasks=frozenset({Task.INFERENCE, Task.TRAINING}),
        parameters=NullParameters,
        implementation="workloads.synthetic.null:NullWorkload",
    ),
    Card(
        name="known-service",
        title="Known service time",
        summary="Takes service times that are known, so that a load generator can be held against queueing theory.",
        tasks=frozenset({Task.INFERENCE}),
        parameters=KnownServiceParameters,
        implementation="workloads.synthetic.known_service:KnownServiceWorkload",
    ),
)
