"""A run under the roofs of its partition, as the service answers it."""

from pydantic import Field

from migperf.client.models import FigureInterval
from migperf.client.view import View
from migperf.store.states import RunState


class EstimateView(View):
    """A value, and its interval where there is one."""

    value: float
    interval: FigureInterval | None = None


class CeilingView(EstimateView):
    """What the partition attains, and the run that measured it."""

    run_id: str


class AttainedView(View):
    """What the run attained, and what one of its steps costs: FLOP, and B unfused and at least."""

    steps_per_s: EstimateView
    flops_per_step: float
    bytes_per_step: float
    least_bytes_per_step: float


class PlacingView(View):
    """Where the run stands, for one count of its bytes; ``intensity`` in FLOP/B."""

    intensity: float | None = None
    attainable_flops_per_s: float
    attainable_steps_per_s: float
    fraction: EstimateView
    bound: str = Field(description="compute, memory or overhead.")


class RoofView(View):
    """The run under the roof of one precision; ``ridge`` in FLOP/B."""

    precision: str
    of_run: bool = False
    flops_per_s: CeilingView
    ridge: float
    unfused: PlacingView
    least: PlacingView


class RooflineView(View):
    """A run held against what its partition attains; ``absent`` says why there is no roof."""

    run_id: str
    state: RunState
    simulated: bool = False
    partition: str | None = None
    attained: AttainedView | None = None
    bytes_per_s: CeilingView | None = None
    roofs: tuple[RoofView, ...] = ()
    absent: str | None = None
