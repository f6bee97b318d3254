"""Catalogue entries of the probes. Holds no torch."""

from collections.abc import Mapping

from workloads.base import Card, EngineOffer, Task
from workloads.frameworks.parameters import FrameworkParameters, ServingParameters

SERVING = "serving"
"""The probe that computes nothing itself: the server's device is not the probe's partition."""
NAMED_BY: Mapping[str, str] = {"framework": "framework", SERVING: "protocol"}
"""Of each probe the parameter that names what is probed, which is known before the probe has told anything."""

CARDS = (
    Card(
        name="framework",
        title="Framework probe",
        summary="Takes tiny training steps or inferences in one framework: does it work on this partition.",
        tasks=frozenset({Task.INFERENCE, Task.TRAINING}),
        parameters=FrameworkParameters,
        implementation="workloads.frameworks.workload:FrameworkWorkload",
        engines=EngineOffer(otherwise="the parameter framework says what executes the model"),
    ),
    Card(
        name=SERVING,
        title="Server probe",
        summary="Asks a model of a server that is running already, over HTTP: does it answer, and rightly.",
        tasks=frozenset({Task.INFERENCE}),
        parameters=ServingParameters,
        implementation="workloads.frameworks.serving:ServingWorkload",
        engines=EngineOffer(otherwise="the server executes the model as it is set up to"),
    ),
)
