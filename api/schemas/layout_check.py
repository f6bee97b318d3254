"""Whether a board can be cut into a layout: the question, and the answer with the rule that stands in the way."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from api.schemas import gpu_examples as examples
from api.schemas.view import View
from migperf.gpus.geometry import Geometry, Placed
from migperf.gpus.gpu import Gpu
from migperf.gpus.layout import InstanceSpec, Layout, LayoutText
from migperf.gpus.legality import Legality, Move, PlacedInstance
from migperf.gpus.objection import Objection, Rule
from migperf.gpus.placement import Placement


class LayoutCheckRequest(BaseModel):
    """A layout, and the board or the GPU that might be cut into it: one of the two."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"board": "h100-80gb", "layout": "3g.40gb@4+2g.20gb@0"},
                {"gpu": examples.GPU["uuid"], "layout": "4g.40gb@0+2g.20gb@2"},
            ]
        },
    )

    board: str | None = Field(
        default=None, max_length=255, description="A board that is known, by key or model name: such as h100-80gb."
    )
    gpu: str | None = Field(default=None, max_length=128, description="UUID of a GPU of the service.")
    layout: LayoutText

    @property
    def wanted(self) -> Layout:
        """The layout."""
        return Layout.parse(self.layout)


class ObjectionView(View):
    """A rule that is broken. What does not belong to it is null."""

    rule: Rule = Field(
        description="no_mig: the GPU cannot be cut; profile: it has no such profile; start: the profile cannot begin "
        "there; overlap: memory units are taken; max_count: there are as many of the profile as there can be; "
        "compute_slices: too few are left; media_engines: they are given out once; arrangement: not all of it has a "
        "place at once; compute_instances: they do not fit into their GPU instance."
    )
    detail: str = Field(description="What is wrong, as a sentence.")
    instance: str | None = Field(description="The instance that cannot be had, or its profile.")
    beside: str | None = Field(description="The instance that it collides with; of several, the first.")
    memory_units: Placement | None = Field(description="The memory units that both want.")

    @classmethod
    def of(cls, objection: Objection) -> Self:
        """Show an objection."""
        return cls(
            rule=objection.rule,
            detail=str(objection),
            instance=objection.instance,
            beside=objection.beside,
            memory_units=objection.units,
        )


class CheckedInstance(View):
    """A GPU instance of a legal layout, at its place."""

    profile: str
    placement: Placement = Field(description="Memory units that it occupies.")
    slices: int = Field(description="Compute slices.")
    compute_placements: list[Placement] = Field(
        description="Compute slices of each compute instance, counted within the GPU instance."
    )

    @classmethod
    def of(cls, instance: PlacedInstance) -> Self:
        """Show an instance."""
        return cls(
            profile=instance.placed.profile,
            placement=instance.placed.placement,
            slices=instance.slices,
            compute_placements=list(instance.compute),
        )


class MoveView(View):
    """An instance at a place that its profile has, and whether it can be added to the layout."""

    instance: str = Field(description="As layouts write it, such as 3g.40gb@4.")
    profile: str
    placement: Placement = Field(description="Memory units that it would occupy.")
    slices: int = Field(description="Compute slices that it would use.")
    layout: str | None = Field(description="The layout with it; null where it cannot be added.")
    objection: ObjectionView | None = Field(description="Why it cannot be added; null where it can.")

    @classmethod
    def of(cls, move: Move, layout: Layout, geometry: Geometry) -> Self:
        """Show a move from a layout."""
        return cls(
            instance=str(move.placed),
            profile=move.placed.profile,
            placement=move.placed.placement,
            slices=geometry.by_name[move.placed.profile].slices,
            layout=_with(layout, move.placed) if move.objection is None else None,
            objection=None if move.objection is None else ObjectionView.of(move.objection),
        )


class LayoutCheck(View):
    """Whether a board can be cut into a layout, and how it could go on from there."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.LAYOUT_CHECK]})

    model: str = Field(description="The board.")
    gpu: str | None = Field(description="UUID of the GPU that was asked about; null for a board.")
    layout: str = Field(description="With every place where it is legal; else as it was asked for.")
    legal: bool = Field(description="Whether an empty board can be cut so, whatever is on it now.")
    objection: ObjectionView | None = Field(description="Why it is not legal; null where it is.")
    instances: list[CheckedInstance] = Field(description="In the order of their places; none where it is not legal.")
    memory_units: int | None = Field(description="Length of the grid in which GPU instances lie; null without MIG.")
    compute_slices: int | None = Field(description="Compute slices that GPU instances share; null without MIG.")
    slices_left: int | None = Field(description="Compute slices that no instance has; null where it is not legal.")
    full: bool | None = Field(description="Whether nothing can be added; null where it is not legal.")
    moves: list[MoveView] = Field(
        description="Every instance at every place that its profile has, and whether it can be added; none where the "
        "layout is not legal. Taking an instance away is always legal."
    )

    @classmethod
    def of(cls, gpu: Gpu, uuid: str | None, found: Legality, moves: tuple[Move, ...]) -> Self:
        """Show what was found of a GPU, or of a board where there is no ``uuid``."""
        geometry, legal = gpu.geometry, found.objection is None
        used = sum(instance.slices for instance in found.instances)
        return cls(
            model=gpu.model,
            gpu=uuid,
            layout=str(found.layout),
            legal=legal,
            objection=None if found.objection is None else ObjectionView.of(found.objection),
            instances=[CheckedInstance.of(instance) for instance in found.instances],
            memory_units=None if geometry is None else geometry.units,
            compute_slices=None if geometry is None else geometry.slices,
            slices_left=geometry.slices - used if geometry is not None and legal else None,
            full=not any(move.objection is None for move in moves) if legal else None,
            moves=[] if geometry is None else [MoveView.of(move, found.layout, geometry) for move in moves],
        )


def _with(layout: Layout, new: Placed) -> str:
    return str(Layout.of([*layout.instances, InstanceSpec(new.profile, new.placement.start)]))
