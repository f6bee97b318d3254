"""What one step of a payload costs, as figures of its result: FLOPs and bytes, declared or counted."""

from collections.abc import Iterator

from migperf.measure.figures import ResultFigure
from migperf.measure.memory import is_out_of_memory
from migperf.metrics.metric import Scope
from workloads.base import Payload, StepCost, UncountableError

FLOPS, BYTES, LEAST_BYTES = "flops_per_step", "bytes_per_step", "least_bytes_per_step"
"""Names of the figures; roofline analysis reads them."""

_DECLARED = "declared by the workload"
_UNITS = {FLOPS: "FLOP", BYTES: "B", LEAST_BYTES: "B"}
_COUNTED = {
    FLOPS: "counted on a step before warm-up: matrix products, convolutions, attention",
    BYTES: "counted on a step before warm-up: every operator's inputs and outputs, nothing fused or cached",
    LEAST_BYTES: "counted on a step before warm-up: what was there before read once, what changes written once",
}


def cost_figures(payload: Payload) -> tuple[ResultFigure, ...]:
    """Return what a step costs, or why that is not known; counting takes a step or two before warm-up.

    Counting that fails is no failure of the run, and what is wrong with a step shows in the next one. An allocation
    that fails is raised as in any step: the payload does not fit.
    """
    from workloads.cost import count_step

    try:
        if (declared := payload.step_cost()) is not None:
            return tuple(_present(declared, dict.fromkeys(_UNITS, _DECLARED)))
        return tuple(_present(count_step(payload), _COUNTED))
    except UncountableError as error:
        return tuple(_absent(str(error)))
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return tuple(_absent(f"a step could not be counted: {type(error).__name__}: {error}"))


def _present(cost: StepCost, methods: dict[str, str]) -> Iterator[ResultFigure]:
    for name, value in ((FLOPS, cost.flops), (BYTES, cost.bytes), (LEAST_BYTES, cost.least_bytes)):
        yield ResultFigure(name=name, unit=_UNITS[name], scope=Scope.PROCESS, value=float(value), method=methods[name])


def _absent(reason: str) -> Iterator[ResultFigure]:
    for name, unit in _UNITS.items():
        yield ResultFigure(name=name, unit=unit, scope=Scope.PROCESS, absent=reason)
