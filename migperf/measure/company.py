"""What a run knows of the group that it is measured in: runs that must overlap begin and end their windows together."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Stage(StrEnum):
    """Points that no run of a group goes beyond before all have reached them, in their order."""

    PREPARED = "prepared"
    """Built and ready to be warmed up: everybody is warmed up beside the others."""
    WARM = "warm"
    """Warm-up is over. Whoever is warm goes on stepping until all are; then every window begins."""
    SATISFIED = "satisfied"
    """Measured as asked. Whoever is satisfied goes on stepping until all are; then every window ends."""


class Company(BaseModel):
    """The group of a run, and the run's part in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str = Field(description="Id of the group.")
    members: int = Field(ge=2, description="How many runs it has.")
    measured: bool = Field(description="False of a neighbour that only loads the device while the others are measured.")
