"""Putting an engine in its payload's place: built, checked against the eager model in fp32, and ready to be timed."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from pydantic import JsonValue

from migperf.measure.engine import Engine, Precision, Runtime
from migperf.measure.engines.agreement import Agreement, Results, check_checkable, compare
from migperf.measure.engines.availability import check_device, unavailable_if_it_fails
from migperf.measure.engines.errors import EngineUncheckedError
from migperf.measure.engines.executable import Assignment, Call, Executable, RecordingModel
from migperf.measure.engines.precision import in_precision, precision_facts, use_tf32
from migperf.measure.engines.trial import Trial, repeated, trying_out
from migperf.measure.figures import ResultFigure
from migperf.measure.memory import give_back
from workloads.base import GradientTraining, Payload

LEAST_LOSS_SCALE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedEngine:
    """An engine in its place: what a result depends on of it, and how well it agrees (nothing for the reference)."""

    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    figures: tuple[ResultFigure, ...] = ()


def prepare_engine(engine: Engine, payload: Payload, device: torch.device, most_together: int = 1) -> PreparedEngine:
    """Build the engine, check it, and put it where the payload's steps call it.

    Weights, running statistics and random states are afterwards as they were, and the memory that this took is given
    back. ``most_together`` is how many requests one call may have to answer. Raises EngineUnavailableError,
    EngineDisagreesError, EngineUncheckedError, and whatever PyTorch does when memory runs out.
    """
    use_tf32(on=False)
    if engine.is_reference:
        return PreparedEngine(facts=precision_facts())
    check_device(engine, device)
    with trying_out(payload, device) as trial:
        prepared = _prepare(engine, payload, trial, most_together)
    give_back(device)
    return prepared


def _prepare(engine: Engine, payload: Payload, trial: Trial, most_together: int) -> PreparedEngine:
    reference, example = _reference(payload, trial)
    give_back(trial.device)
    use_tf32(on=engine.precision is Precision.TF32)
    assignment = Assignment(
        engine=engine, model=payload.model, device=trial.device, example=example, most_together=most_together
    )
    with unavailable_if_it_fails(engine):
        executable = _BUILDERS[engine.runtime](assignment)
        payload.engine = executable.call
        results = _results(payload, trial, engine.precision)
    agreement = compare(reference, results, engine.precision)
    with unavailable_if_it_fails(engine):
        agreements = [agreement, *_together(payload, trial, reference, assignment)]
        facts = {**precision_facts(), **executable.settle()}
    worst = max(agreements, key=lambda each: each.error_rel)
    return PreparedEngine(facts=facts, figures=(worst.figure(),))


def _reference(payload: Payload, trial: Trial) -> tuple[Results, Call]:
    """Return what the eager model computes in fp32, and how the payload calls it. Raises EngineUncheckedError."""
    payload.engine = recording = RecordingModel(payload.model)
    results = trial.results()
    if recording.first is None:
        raise EngineUncheckedError(
            f"{type(payload).__name__} does not call `engine`, so that it cannot be executed by another; its card "
            "should offer eager in fp32 alone"
        )
    check_checkable(results)
    return results, recording.first


def _results(payload: Payload, trial: Trial, precision: Precision) -> Results:
    """Return what the engine computes; in fp16, training gets a loss scale at which its gradients are finite."""
    if precision is not Precision.FP16 or not isinstance(payload, GradientTraining):
        return trial.results()
    payload.scaler = torch.amp.GradScaler(trial.device.type)
    results = trial.results()
    while not _finite(results) and (scale := payload.scaler.get_scale()) > LEAST_LOSS_SCALE:
        payload.scaler = torch.amp.GradScaler(trial.device.type, init_scale=scale / 2)
        results = trial.results()
    return results


def _together(payload: Payload, trial: Trial, reference: Results, assignment: Assignment) -> Iterator[Agreement]:
    """Let the engine answer two requests at once, and as many as it may have to; compare each answer."""
    engine = payload.engine
    for count in sorted({2, assignment.most_together}) if assignment.most_together > 1 else ():
        payload.engine = _several(engine, count)
        wanted = Results(outputs=repeated(dict(reference.outputs), count))
        yield compare(wanted, trial.results(), assignment.engine.precision)
    payload.engine = engine


def _several(engine: Callable[..., Any], count: int) -> Callable[..., Any]:
    def call(*inputs: Any, **named: Any) -> Any:  # noqa: ANN401 - the model's
        with torch.inference_mode(mode=False):  # as batches are made, and not as answers are: the compiler looks at it
            inputs, named = repeated((inputs, named), count)
        return engine(*inputs, **named)

    return call


def _finite(results: Results) -> bool:
    return all(bool(tensor.isfinite().all()) for tensor in results.all().values())


def _eager(assignment: Assignment) -> Executable:
    return Executable(call=in_precision(assignment.model, assignment.engine, assignment.device))


def _compile(assignment: Assignment) -> Executable:
    from migperf.measure.engines.compiled import compiled

    return compiled(assignment)


def _cuda_graph(assignment: Assignment) -> Executable:
    from migperf.measure.engines.cuda_graphs import captured

    return captured(assignment)


def _onnx_runtime(assignment: Assignment) -> Executable:
    from migperf.measure.engines.onnx import exported

    return exported(assignment)


_BUILDERS: Mapping[Runtime, Callable[[Assignment], Executable]] = {
    Runtime.EAGER: _eager,
    Runtime.COMPILE: _compile,
    Runtime.CUDA_GRAPH: _cuda_graph,
    Runtime.ONNX_RUNTIME: _onnx_runtime,
}
