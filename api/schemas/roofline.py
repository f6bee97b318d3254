"""A run under the roofs of its partition."""

from typing import Self

from pydantic import ConfigDict, Field

from api.schemas import examples
from api.schemas.series import is_simulated
from api.schemas.view import View
from migperf.analysis.roofline import Bound, Estimate, Placing
from migperf.analysis.run_roofline import Ceiling, Measured, PrecisionRoof, RunRoofline
from migperf.measure.figures import Interval
from migperf.store.models import Run
from migperf.store.states import RunState
from workloads.micro.parameters import Precision


class EstimateView(View):
    """A value, and its interval where there is one."""

    value: float
    interval: Interval | None

    @classmethod
    def of(cls, estimate: Estimate) -> Self:
        """Show an estimate."""
        return cls(value=estimate.value, interval=estimate.interval)


class CeilingView(EstimateView):
    """What the partition attains, and the run that measured it."""

    run_id: str

    @classmethod
    def of_ceiling(cls, ceiling: Ceiling) -> Self:
        """Show a ceiling."""
        return cls(run_id=ceiling.run_id, value=ceiling.per_s.value, interval=ceiling.per_s.interval)


class AttainedView(View):
    """What the run attained, and what one of its steps costs."""

    steps_per_s: EstimateView
    flops_per_step: float
    bytes_per_step: float = Field(description="If nothing is fused and no cache holds anything.")
    least_bytes_per_step: float = Field(description="However well it is fused, beginning with empty caches.")

    @classmethod
    def of(cls, measured: Measured) -> Self:
        """Show what was measured."""
        return cls(
            steps_per_s=EstimateView.of(measured.steps_per_s),
            flops_per_step=measured.cost.flops,
            bytes_per_step=measured.cost.bytes,
            least_bytes_per_step=measured.cost.least_bytes,
        )


class PlacingView(View):
    """Where the run stands, for one count of its bytes."""

    intensity: float | None = Field(description="Arithmetic intensity, FLOP/B; null where no byte is moved.")
    attainable_flops_per_s: float
    attainable_steps_per_s: float
    fraction: EstimateView = Field(description="What the run attains of what is attainable; 1 is on the roof.")
    bound: Bound = Field(description="Which limit it is near; `overhead` when it is near neither.")

    @classmethod
    def of(cls, placing: Placing) -> Self:
        """Show a placing."""
        return cls(
            intensity=placing.intensity,
            attainable_flops_per_s=placing.attainable_flops_per_s,
            attainable_steps_per_s=placing.attainable_steps_per_s,
            fraction=EstimateView.of(placing.fraction),
            bound=placing.bound,
        )


class RoofView(View):
    """The run under the roof of one precision."""

    precision: Precision
    of_run: bool = Field(description="Whether the run's engine computed in that precision.")
    flops_per_s: CeilingView = Field(description="What the partition attains in matrix products.")
    ridge: float = Field(description="Intensity from which on arithmetic limits, FLOP/B.")
    unfused: PlacingView = Field(description="Placed by `bytes_per_step`.")
    least: PlacingView = Field(description="Placed by `least_bytes_per_step`.")

    @classmethod
    def of(cls, roof: PrecisionRoof) -> Self:
        """Show a roof."""
        return cls(
            precision=roof.precision,
            of_run=roof.of_run,
            flops_per_s=CeilingView.of_ceiling(roof.flops),
            ridge=roof.ridge,
            unfused=PlacingView.of(roof.unfused),
            least=PlacingView.of(roof.least),
        )


class RooflineView(View):
    """A run held against what its partition attains."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ROOFLINE]})

    run_id: str
    state: RunState
    simulated: bool = Field(description="True when the partition is simulated: nothing here is said of real boards.")
    partition: str | None = Field(description="UUID of the partition that the run was on.")
    attained: AttainedView | None
    bytes_per_s: CeilingView | None = Field(description="What the partition attains in copying memory.")
    roofs: list[RoofView] = Field(
        description="One for each precision that the partition is calibrated for, the run's own first."
    )
    absent: str | None = Field(description="Why there is no roof, and what makes one.")

    @classmethod
    def of(cls, run: Run, roofline: RunRoofline) -> Self:
        """Show the roofline of a run."""
        return cls(
            run_id=run.id,
            state=run.state,
            simulated=is_simulated(run),
            partition=run.partition,
            attained=None if roofline.measured is None else AttainedView.of(roofline.measured),
            bytes_per_s=None if roofline.bandwidth is None else CeilingView.of_ceiling(roofline.bandwidth),
            roofs=[RoofView.of(roof) for roof in roofline.roofs],
            absent=roofline.absent,
        )
