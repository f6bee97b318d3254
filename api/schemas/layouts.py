"""Layouts: those that a GPU can have, the way from one to another, and changes of them."""

from collections.abc import Iterable, Sequence
from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from api.links import Links
from api.schemas import gpu_examples as examples
from api.schemas.examples import GPU_UUID
from api.schemas.gpus import known_layout
from api.schemas.view import View
from migperf.gpus.geometry import Geometry, Placed
from migperf.gpus.layout import Layout, LayoutText
from migperf.gpus.legal_layouts import LegalLayout
from migperf.gpus.placement import Placement
from migperf.gpus.plan import CreateCompute, CreateInstance, DestroyCompute, DestroyInstance, Plan, SetMode, Step
from migperf.store.changes import Origin
from migperf.store.gpus import describe
from migperf.store.models import GpuRow, LayoutChange
from migperf.store.states import ChangeState


class LayoutRequest(BaseModel):
    """How a GPU is to be cut, and what may be done to get there."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"layout": examples.WANTED}, {"layout": "7x1g.10gb", "wait": True}]},
    )

    layout: LayoutText
    force: bool = Field(default=False, description="Put runs that are in the way back into the queue.")
    wait: bool = Field(default=False, description="Change the layout when runs that are in the way have ended.")
    keep: bool = Field(default=False, description="Apply it again after each boot, which forgets every layout.")

    @field_validator("layout")
    @classmethod
    def _can_be_read_back(cls, text: str) -> str:
        """Check it as it will be stored: the node reads it again."""
        Layout.parse(text)
        return text

    @property
    def wanted(self) -> Layout:
        """The layout."""
        return Layout.parse(self.layout)


class PlacedProfile(View):
    """A GPU instance that there could be."""

    profile: str
    placement: Placement = Field(description="Memory units that it occupies.")
    slices: int = Field(description="Compute slices.")

    @classmethod
    def of(cls, placed: Placed, geometry: Geometry) -> Self:
        """Show an instance at its place."""
        slices = geometry.by_name[placed.profile].slices
        return cls(profile=placed.profile, placement=placed.placement, slices=slices)


class LegalLayoutView(View):
    """A layout that the GPU can have, and one way to place it."""

    layout: str = Field(description="The layout, its places left open.")
    example: str = Field(description="The layout with places.")
    instances: list[PlacedProfile] = Field(
        description="The GPU instances of the example, in the order of their places."
    )
    full: bool = Field(description="Whether no instance can be added to the example.")
    slices_left: int = Field(description="Compute slices that no instance has.")

    @classmethod
    def of(cls, legal: LegalLayout, geometry: Geometry, beside: Layout) -> Self:
        """Show a legal layout."""
        example = legal.example(beside)
        return cls(
            layout=str(Layout.of(example.without_places().instances)),
            example=str(example),
            instances=[PlacedProfile.of(placed, geometry) for placed in legal.placed],
            full=legal.full,
            slices_left=legal.slices_left,
        )


class LegalLayoutList(View):
    """Layouts that the GPU can have, largest instances first; they differ in what there is, not in where it lies."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"gpu": GPU_UUID, "memory_units": 8, "compute_slices": 7, "items": [examples.LEGAL_LAYOUT]}]
        }
    )

    gpu: str
    memory_units: int = Field(description="Length of the grid in which GPU instances lie.")
    compute_slices: int = Field(description="Compute slices that GPU instances share.")
    items: list[LegalLayoutView]

    @classmethod
    def of(cls, uuid: str, geometry: Geometry, found: Iterable[LegalLayout], beside: Layout) -> Self:
        """Show legal layouts of a GPU."""
        return cls(
            gpu=uuid,
            memory_units=geometry.units,
            compute_slices=geometry.slices,
            items=[LegalLayoutView.of(legal, geometry, beside) for legal in found],
        )


Action = Literal["set_mode", "destroy_compute", "destroy_instance", "create_instance", "create_compute"]


class StepView(View):
    """One step of a plan. What does not belong to its action is null."""

    action: Action
    text: str = Field(description="The step as a sentence.")
    enabled: bool | None = Field(default=None, description="Whether MIG is turned on or off.")
    gpu_instance_id: int | None = None
    compute_instance_id: int | None = None
    partition: str | None = Field(default=None, description="UUID of the partition that is destroyed.")
    profile: str | None = None
    placement: Placement | None = Field(default=None, description="Memory units of the GPU instance.")
    slices: int | None = Field(default=None, description="Compute slices of the compute instance.")
    compute_placement: Placement | None = Field(
        default=None, description="Compute slices within the GPU instance; null where it gets all."
    )

    @classmethod
    def of(cls, step: Step) -> Self:
        """Show a step."""
        return cls.model_validate({"text": str(step), **_step_data(step)})


class DestroyedPartition(View):
    """A partition that a plan destroys."""

    partition: str
    profile: str | None = Field(description="Its profile; null for the whole GPU, which ends where MIG is turned on.")
    run: str | None = Field(description="Id of the run that holds it.")


class LayoutPlan(View):
    """What would be done to cut a GPU as wanted. Without steps it is cut so already."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PLAN]})

    gpu: str
    before: str
    after: str = Field(description="The layout with every place.")
    steps: list[StepView]
    destroys: list[DestroyedPartition]
    runs: list[str] = Field(description="Ids of the runs that must end, or be put back into the queue, before that.")

    @classmethod
    def of(cls, plan: Plan, destroys: Iterable[DestroyedPartition], runs: Iterable[str]) -> Self:
        """Show a plan."""
        return cls(
            gpu=plan.gpu_uuid,
            before=str(plan.before),
            after=str(plan.after),
            steps=[StepView.of(step) for step in plan.steps],
            destroys=list(destroys),
            runs=list(runs),
        )


class LayoutChangeView(View):
    """A change of how a GPU is cut."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.CHANGE]})

    id: str
    url: str = Field(description="Path of this document.")
    gpu: str = Field(description="UUID of the GPU.")
    layout: str = Field(description="The layout that is wanted.")
    origin: Origin = Field(
        description="Who wants it: request, a user; restore, a run with a layout of its own that has ended; boot, the "
        "service after a boot, which forgets every layout."
    )
    force: bool
    state: ChangeState
    attempts: int = Field(description="How often it has been begun.")
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    before: str | None = Field(description="How the GPU was cut before, once it is applied.")
    after: str | None = Field(description="How it was cut then, with every place.")
    reason: str | None = Field(description="Why it is in its state, where that needs a word.")

    @classmethod
    def of(cls, change: LayoutChange, links: Links) -> Self:
        """Show a stored change."""
        stored = {name: getattr(change, name) for name in cls.model_fields if name != "url"}
        return cls.model_validate({**stored, "url": links.layout_change(change.id)})


class LayoutState(View):
    """How a GPU is cut, and what is to become of that."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.LAYOUT_STATE]})

    gpu: str
    layout: str | None = Field(description="How it is cut now; null where that cannot be told.")
    kept_layout: str | None = Field(description="Layout that is applied again after each boot.")
    restore_layout: str | None = Field(description="Layout that is put back when no run needs another.")
    change: LayoutChangeView | None = Field(description="The change that is under way, or waits.")
    changes: list[LayoutChangeView] = Field(description="The latest ten changes, newest first.")

    @classmethod
    def of(cls, row: GpuRow, changes: Sequence[LayoutChange], links: Links) -> Self:
        """Show how a stored GPU is cut; ``changes`` are its newest, newest first."""
        views = [LayoutChangeView.of(change, links) for change in changes]
        return cls(
            gpu=row.uuid,
            layout=known_layout(describe(row)),
            kept_layout=row.kept_layout,
            restore_layout=row.restore_layout,
            change=next((view for view in reversed(views) if not view.state.is_final), None),
            changes=views,
        )


def _step_data(step: Step) -> dict[str, object]:
    match step:
        case SetMode():
            return {"action": "set_mode", "enabled": step.enabled}
        case DestroyCompute():
            return {
                "action": "destroy_compute",
                "gpu_instance_id": step.gpu_instance_id,
                "compute_instance_id": step.id,
                "partition": step.uuid,
                "profile": step.profile,
            }
        case DestroyInstance(placed=placed):
            return {"action": "destroy_instance", "gpu_instance_id": step.id, **_place(placed)}
        case CreateInstance(placed=placed):
            return {"action": "create_instance", **_place(placed)}
        case CreateCompute():
            return {
                "action": "create_compute",
                "placement": step.at,
                "slices": step.slices,
                "compute_placement": step.placement,
            }


def _place(placed: Placed) -> dict[str, object]:
    return {"profile": placed.profile, "placement": placed.placement}
