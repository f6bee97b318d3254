"""An answer of the advisor. Imports nothing heavy: the service sends it, the client and the command line read it."""

from pydantic import BaseModel, ConfigDict, Field

from migperf.analysis.advisor.demand import Goal
from migperf.analysis.advisor.status import Status


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class AdvisedInstance(_Part):
    """One instance and what it is for. Rates are samples a second."""

    profile: str = Field(description="MIG profile, or whole for a GPU that is not cut.")
    job: str = Field(description="Name of the service or training job.")
    share_per_s: float = Field(description="What it gets of the job's rate: in proportion to its capacity.")
    capacity_per_s: float = Field(description="What it can do beside its neighbours, less the reserve.")
    slowdown: float = Field(description="Time beside its neighbours over time alone, the largest that is known.")


class AdvisedGpu(_Part):
    """One GPU and how it is to be cut."""

    number: int = Field(description="From 1.")
    model: str
    layout: str = Field(description="Places left open; off: not cut.")
    example: str = Field(description="The same layout with places.")
    instances: list[AdvisedInstance]
    slices_used: int = Field(description="Compute slices of its instances.")
    slices: int = Field(description="Compute slices that it has.")
    memory_units_used: int
    memory_units: int = Field(description="Units that memory is given out in.")


class EvidenceView(_Part):
    """What the capacity of a job on a profile rests on."""

    model: str
    profile: str
    says: str
    capacity_per_s: float = Field(description="Of one instance alone, before the reserve.")
    queueing: bool = Field(description="Whether requests arrived by themselves, so that latency includes waiting.")
    runs: list[str] = Field(description="Ids of the runs; empty for figures that were given by hand.")


class InterferenceView(_Part):
    """What is known of one job beside another on the same GPU, and what that rests on."""

    job: str
    beside: str = Field(description="The neighbour's job; the same name means another instance of itself.")
    model: str | None = Field(description="Board that it holds for; null: all, as it was given by hand.")
    profile: str | None = Field(description="Profile of the job; null: all.")
    beside_profile: str | None = Field(description="Profile of the neighbour; null: all.")
    slowdown: float = Field(description="Time beside it over time alone; never below 1.")
    says: str
    runs: list[str] = Field(description="Ids of the runs beside it and alone; empty for what was given by hand.")
    used: bool = Field(description="false: measured, but the demand gives another by hand.")


class ExcludedProfile(_Part):
    """A profile that a job cannot be put on."""

    model: str
    profile: str
    why: str


class AdvisedJob(_Part):
    """What a service or training job gets. Rates are samples a second."""

    name: str
    required_per_s: float | None = Field(description="What it must get; null: as much as there is.")
    capacity_per_s: float = Field(description="What its instances can do together; 0 without an answer.")
    headroom_per_s: float | None = Field(description="How much more it could get; null where nothing is required.")
    headroom: float | None = Field(description="The same over what is required.")
    instances: int
    evidence: list[EvidenceView] = Field(description="Of the profiles that it could be put on.")
    excluded: list[ExcludedProfile]
    cannot_be_served: str | None = Field(description="Why nothing can be found for it, and what to do about that.")


class Unknown(_Part):
    """What was never measured, and the experiment that would."""

    job: str
    model: str
    profiles: list[str]
    why: str
    experiment: str | None = Field(description="An experiment file, YAML; null where no workload is named.")
    no_experiment: str | None = Field(description="Why there is none.")


class UnknownNeighbour(_Part):
    """A neighbour that a job was never measured beside."""

    job: str = Field(description="The neighbour's job; the same name means another instance of itself.")
    profile: str


class UnknownCompany(_Part):
    """Neighbours in this answer that a job was never measured beside, and the experiment that would."""

    job: str
    model: str
    profile: str
    beside: list[UnknownNeighbour]
    experiment: str | None = Field(description="An experiment file, YAML; null where no workload is named.")
    no_experiment: str | None = Field(description="Why there is none.")


class Proof(_Part):
    """How good the answer is, and how that is known."""

    value: float | None = Field(description="What was reached, in ``unit``.")
    bound: float | None = Field(description="Nothing better than this exists, by what is known.")
    unit: str = Field(description="GPU, or weighted sample/s.")
    gap: float | None = Field(description="Distance between the two over the bound; 0 where nothing better exists.")
    ties_proved: bool = Field(description="Whether the lesser goals (slices, headroom) are at their best as well.")
    solver: str
    took_s: float
    limit_s: float


class BoardCount(_Part):
    """Some GPUs of one board."""

    model: str
    count: int


class Advice(_Part):
    """The answer to a demand."""

    goal: Goal
    status: Status
    headline: str = Field(description="The answer in a sentence.")
    gpus: list[AdvisedGpu]
    at_hand: list[BoardCount] = Field(description="GPUs that could have been used.")
    jobs: list[AdvisedJob]
    proof: Proof
    would_do: list[BoardCount] | None = Field(description="Where the GPUs are too few: how many would do.")
    served_share: float | None = Field(
        description="Where the GPUs are too few: the part of every requirement that they can serve at once, at most."
    )
    binds: list[str] = Field(description="What keeps the answer from being better.")
    assumptions: list[str] = Field(description="What the answer takes for granted.")
    remarks: list[str]
    interference: list[InterferenceView] = Field(description="What is known of these jobs beside each other.")
    never_measured: list[Unknown]
    never_measured_together: list[UnknownCompany] = Field(
        description="What shares a GPU in this answer although nobody knows what one costs the other."
    )
    explanation: list[str] = Field(description="Why each thing is as it is, in sentences.")
