"""Which engines may be asked for, as far as that is known without a device: from a workload's card and the load."""

from collections.abc import Iterable

from migperf.measure.engine import Engine, Precision, Runtime
from migperf.measure.load import Load
from workloads.base import Card, EngineOffer, Task

CHANNELS_LAST = "channels_last"
_HALVES = frozenset({Precision.BF16, Precision.FP16})


def refusals(offer: EngineOffer) -> dict[str, str]:
    """Return why each runtime, precision or layout that the workload does not offer is not offered, by its name."""
    names = [
        *(runtime for runtime in Runtime if runtime not in offer.runtimes),
        *(precision for precision in Precision if precision not in offer.precisions),
        *(() if offer.channels_last else (CHANNELS_LAST,)),
    ]
    return {str(name): offer.why_not(name) for name in names}


def engine_problem(card: Card, task: Task, engine: Engine, load: Load | None) -> tuple[str, str] | None:
    """Return the field of the engine that the workload, its task or the load forbids, and why; None if none does."""
    return _not_offered(card, engine) or _contradiction(task, engine, load or Load())


def _not_offered(card: Card, engine: Engine) -> tuple[str, str] | None:
    refused = refusals(card.engines)
    asked = {"runtime": str(engine.runtime), "precision": str(engine.precision)}
    if engine.channels_last:
        asked[CHANNELS_LAST] = CHANNELS_LAST
    for field, name in asked.items():
        if name in refused:
            return field, f"{card.name} does not offer {name}: {refused[name]}; {_remedy(card.engines, field)}"
    return None


def _remedy(offer: EngineOffer, field: str) -> str:
    offered = {"runtime": offer.runtimes, "precision": offer.precisions}.get(field)
    return "leave it out" if offered is None else f"choose {_any_of(offered)}"


def _contradiction(task: Task, engine: Engine, load: Load) -> tuple[str, str] | None:
    exported, captured = engine.runtime is Runtime.ONNX_RUNTIME, engine.runtime is Runtime.CUDA_GRAPH
    rules = (
        (
            exported and task is Task.TRAINING,
            "runtime",
            "onnx_runtime only infers; train with eager, compile or cuda_graph",
        ),
        (
            exported and engine.precision in _HALVES,
            "precision",
            f"onnx_runtime executes the model as it was exported, in float32, and {engine.precision} is PyTorch's "
            "autocast; choose fp32 or tf32",
        ),
        (exported and engine.channels_last, CHANNELS_LAST, "onnx_runtime chooses its own layouts; leave it out"),
        (
            captured and load.streams > 1,
            "runtime",
            f"cuda_graph replays one graph on one set of buffers, and load.streams is {load.streams}; choose eager or "
            "compile, or streams 1",
        ),
        (
            captured and load.max_batch > 1,
            "runtime",
            f"cuda_graph replays requests of one size, and load.max_batch is {load.max_batch}; choose eager or "
            "compile, or max_batch 1",
        ),
    )
    return next(((field, message) for broken, field, message in rules if broken), None)


def _any_of(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
