"""The tables. Queries live beside this module; changes of the schema in ``migrations/``."""

from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    desc,
    text,
    true,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from migperf.schedules.firing import FiringOutcome
from migperf.store.states import ChangeState, DeliveryState, GroupState, RunState
from migperf.store.types import Json, UtcDateTime

_CHANGE_STATES = ", ".join(f"'{state}'" for state in ChangeState)
_STATES = ", ".join(f"'{state}'" for state in RunState)
_OUTCOMES = ", ".join(f"'{outcome}'" for outcome in FiringOutcome)
_GROUP_STATES = ", ".join(f"'{state}'" for state in GroupState)
_DELIVERY_STATES = ", ".join(f"'{state}'" for state in DeliveryState)
_STATE, _CHANGE_STATE, _GROUP_STATE, _OUTCOME, _DELIVERY_STATE = (
    Enum(states, native_enum=False, length=16, values_callable=lambda members: [str(m) for m in members])
    for states in (RunState, ChangeState, GroupState, FiringOutcome, DeliveryState)
)
BigInt = Annotated[int, mapped_column(BigInteger)]
BigId = Annotated[int, mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)]
"""SQLite numbers rows by itself only where the type is exactly INTEGER."""
_ACTIVE = text("released_at IS NULL")
_FILTERS = (
    "state",
    "scenario",
    "partition",
    "tainted",
    "fingerprint",
    "experiment_id",
    "created_at",
    "search_text",
)
"""What listings of runs filter by, besides what they are sorted by."""
_FINISHED = text("finished_at IS NOT NULL")
_HAS_DURATION = text("duration_s IS NOT NULL")
_TO_THIN = text("thinned_at IS NULL")
_HISTORY_DUE = text("history_due")
_OF_EXPERIMENT = text("experiment_id IS NOT NULL")
_UNHEARD = text("heard_at IS NULL")
_PENDING = text("state = 'pending'")


class Base(DeclarativeBase):
    """Base of every table; constraints get predictable names so that migrations can find them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: Json, bytes: LargeBinary}  # noqa: RUF012


class Node(Base):
    """A host that runs a worker. ``incarnation`` is new each time the worker starts."""

    __tablename__ = "nodes"

    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    incarnation: Mapped[str] = mapped_column(String(36))
    host: Mapped[str] = mapped_column(String(255))
    version: Mapped[str] = mapped_column(String(64))
    started_at: Mapped[datetime]
    heartbeat_at: Mapped[datetime]
    stopped_at: Mapped[datetime | None]
    environments: Mapped[dict[str, Any] | None]
    """A measure.OfferedEnvironment for each of its software environments, by name; None: nobody has told."""

    partitions: Mapped[list["PartitionRow"]] = relationship(back_populates="node_row")


class PartitionRow(Base):
    """A partition as its node last described it. Never deleted: history points at it."""

    __tablename__ = "partitions"

    uuid: Mapped[str] = mapped_column(String(128), primary_key=True)
    node: Mapped[str] = mapped_column(ForeignKey("nodes.name"), index=True)
    kind: Mapped[str] = mapped_column(String(32))
    model: Mapped[str] = mapped_column(String(255))
    profile: Mapped[str | None] = mapped_column(String(64))
    gpu: Mapped[str | None] = mapped_column(String(128), index=True)
    """UUID of the GPU that it is part of; None for a CPU."""
    simulated: Mapped[bool]
    description: Mapped[dict[str, Any]]
    """The whole gpus.Partition."""
    seen_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]

    node_row: Mapped[Node] = relationship(back_populates="partitions")


class GpuRow(Base):
    """A GPU as its node last described it, and how it is to be cut. Never deleted."""

    __tablename__ = "gpus"

    uuid: Mapped[str] = mapped_column(String(128), primary_key=True)
    node: Mapped[str] = mapped_column(ForeignKey("nodes.name"), index=True)
    description: Mapped[dict[str, Any]]
    """The whole gpus.Gpu."""
    read_at: Mapped[datetime]
    """The node's clock before it asked the driver: what was read earlier never replaces what was read later."""
    seen_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
    boot_id: Mapped[str] = mapped_column(String(64))
    """The boot of the host in which ``kept_layout`` was last seen or applied."""
    kept_layout: Mapped[str | None] = mapped_column(String(512))
    """Applied again after a boot, which forgets every layout."""
    restore_layout: Mapped[str | None] = mapped_column(String(512))
    """What a run with a layout of its own found and wants put back when nobody needs the GPU."""


class LayoutChange(Base):
    """A GPU that is to be cut anew by its node. A document of the service, executed under a lease like a run."""

    __tablename__ = "layout_changes"
    __table_args__ = (
        CheckConstraint(f"state IN ({_CHANGE_STATES})", name="state"),
        Index("ix_layout_changes_state_created_at", "state", "created_at"),
        Index("ix_layout_changes_gpu_created_at", "gpu", "created_at"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    gpu: Mapped[str] = mapped_column(ForeignKey("gpus.uuid"))
    layout: Mapped[str] = mapped_column(String(512))
    origin: Mapped[str] = mapped_column(String(16))
    force: Mapped[bool]
    state: Mapped[ChangeState] = mapped_column(_CHANGE_STATE)
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    before: Mapped[str | None] = mapped_column(String(512))
    after: Mapped[str | None] = mapped_column(String(512))
    reason: Mapped[str | None] = mapped_column(Text)


class Run(Base):
    """One execution of a benchmark. ``version`` grows with every change, so that watchers see one cheaply."""

    __tablename__ = "runs"
    __table_args__ = (
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        CheckConstraint("progress >= 0 AND progress <= 1", name="progress"),
        Index("ix_runs_queue", "state", desc("priority"), "created_at", "id"),
        # Whatever a listing filters by is in it, so that no run is read that is not shown.
        Index(
            "ix_runs_listing",
            "created_at",
            "id",
            "state",
            "workload",
            "scenario",
            "partition",
            "tainted",
            "fingerprint",
            "experiment_id",
            "priority",
            "finished_at",
            "search_text",
        ),
        # The same for the other orders. In those of their ends and durations a run is entered once, when it has ended.
        Index(
            "ix_runs_finished",
            "finished_at",
            "id",
            "workload",
            *_FILTERS,
            sqlite_where=_FINISHED,
            postgresql_where=_FINISHED,
        ),
        Index(
            "ix_runs_by_duration",
            "duration_s",
            "id",
            "workload",
            *_FILTERS,
            sqlite_where=_HAS_DURATION,
            postgresql_where=_HAS_DURATION,
        ),
        Index("ix_runs_by_workload", "workload", "id", "finished_at", *_FILTERS),
        Index("ix_runs_by_priority", "priority", "id", "workload", "finished_at", *_FILTERS),
        Index("ix_runs_workload_created_at_id", "workload", "created_at", "id"),
        Index("ix_runs_fingerprint_created_at_id", "fingerprint", "created_at", "id"),
        Index("ix_runs_partition_created_at_id", "partition", "created_at", "id"),
        Index(
            "ix_runs_experiment",
            "experiment_id",
            "created_at",
            "id",
            sqlite_where=_OF_EXPERIMENT,
            postgresql_where=_OF_EXPERIMENT,
        ),
        Index(
            "ix_runs_history_due",
            "state",
            "experiment_id",
            "id",
            sqlite_where=_HISTORY_DUE,
            postgresql_where=_HISTORY_DUE,
        ),
        Index("ix_runs_to_thin", "finished_at", sqlite_where=_TO_THIN, postgresql_where=_TO_THIN),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    created_at: Mapped[datetime]
    state: Mapped[RunState] = mapped_column(_STATE)
    version: Mapped[int] = mapped_column(default=1)

    workload: Mapped[str] = mapped_column(String(128))
    scenario: Mapped[str] = mapped_column(String(32))
    fingerprint: Mapped[str] = mapped_column(String(64))
    benchmark: Mapped[dict[str, Any]]
    """The whole measure.Benchmark, defaults written out."""
    layout: Mapped[str | None] = mapped_column(String(512))
    """What a GPU is to be cut into for it; also part of ``benchmark``."""
    priority: Mapped[int]
    timeout_s: Mapped[float]
    retry_limit: Mapped[int]

    attempt: Mapped[int] = mapped_column(default=0)
    losses: Mapped[int] = mapped_column(default=0)
    """How many attempts ended without an outcome of their own."""
    partition: Mapped[str | None] = mapped_column(ForeignKey("partitions.uuid"))
    phase: Mapped[str | None] = mapped_column(String(16))
    progress: Mapped[float] = mapped_column(default=0.0)
    cancel_requested_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    duration_s: Mapped[float | None]
    """From the start to the end of its last attempt, seconds; None until it has ended, and if it never began."""
    reason: Mapped[str | None] = mapped_column(Text)

    clock_zero_ns: Mapped[int | None] = mapped_column(BigInteger)
    """CLOCK_MONOTONIC of the node at ``started_at``: series times count from here."""
    window_start_ns: Mapped[int | None] = mapped_column(BigInteger)
    window_end_ns: Mapped[int | None] = mapped_column(BigInteger)
    warmup_ended_by: Mapped[str | None] = mapped_column(String(64))
    warmup_note: Mapped[str | None] = mapped_column(Text)
    measuring_ended_by: Mapped[str | None] = mapped_column(String(64))
    measuring_note: Mapped[str | None] = mapped_column(Text)
    converged: Mapped[bool | None]
    taints: Mapped[list[dict[str, Any]] | None] = mapped_column(Json)
    """What spoils the result: rules of hygiene that were broken; empty: none, None: not looked at."""
    group_id: Mapped[str | None] = mapped_column(String(36), index=True)
    """The group of an experiment that it belongs to; experiments are deleted with their runs."""
    experiment_id: Mapped[str | None] = mapped_column(String(36))
    """The experiment of its group, so that a page of an experiment's runs is read from one index, in its order."""
    member: Mapped[int | None]
    """Its place among the runs of its group, from 0."""
    role: Mapped[str | None] = mapped_column(String(16))
    taint_retry_limit: Mapped[int] = mapped_column(default=0, server_default="0")
    taint_retries: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many attempts were given up since they were tainted."""
    thinned_at: Mapped[datetime | None]
    """When retention went through its series, whether it found any to thin or not."""
    history_due: Mapped[bool] = mapped_column(default=True, server_default=true())
    """Whether its history is still to hear of it; from the beginning no for a run that is to be in none."""
    environment: Mapped[dict[str, Any] | None]
    tainted: Mapped[bool | None] = mapped_column(Computed("taints <> '[]'", persisted=True))
    """Whether it has taints; None: not looked at."""
    search_text: Mapped[str] = mapped_column(Text, default="", server_default="")
    """What of it is searched, see run_search."""

    group_row: Mapped["GroupRow | None"] = relationship(
        lazy="joined", primaryjoin="foreign(Run.group_id) == GroupRow.id", viewonly=True
    )
    labels: Mapped[list["Label"]] = relationship(cascade="all, delete-orphan", lazy="selectin", order_by="Label.key")
    partition_row: Mapped[PartitionRow | None] = relationship(lazy="joined")


class ExperimentRow(Base):
    """An experiment as it was submitted, and what it stands for on the device that it was submitted for."""

    __tablename__ = "experiments"
    __table_args__ = (Index("ix_experiments_created_at_id", "created_at", "id"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), index=True)
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    """When its last group was settled; None again while a resumed one goes on."""
    cancelled_at: Mapped[datetime | None]
    document: Mapped[dict[str, Any]]
    """The file, defaults written out."""
    plan: Mapped[dict[str, Any]]
    """Device, order and expected time as they were when it was submitted."""
    retry_failed: Mapped[int]

    cells: Mapped[list["CellRow"]] = relationship(cascade="all, delete-orphan", order_by="CellRow.number")


class CellRow(Base):
    """A cell of an experiment: its coordinates, and the group of runs that it stands for or why there is none."""

    __tablename__ = "experiment_cells"
    __table_args__ = (CheckConstraint("(spec IS NULL) <> (skipped IS NULL)", name="spec_or_reason"),)

    experiment_id: Mapped[str] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    coordinates: Mapped[dict[str, Any]]
    spec: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """The whole experiments.GroupSpec."""
    skipped: Mapped[str | None] = mapped_column(Text)


class GroupRow(Base):
    """The runs of one attempt at one repeat of a cell. Where it is ``together`` they are placed in one step."""

    __tablename__ = "groups"
    __table_args__ = (
        CheckConstraint(f"state IN ({_GROUP_STATES})", name="state"),
        ForeignKeyConstraint(
            ["experiment_id", "cell"],
            ["experiment_cells.experiment_id", "experiment_cells.number"],
            name="fk_groups_cell",
            ondelete="CASCADE",
        ),
        UniqueConstraint("experiment_id", "cell", "repeat", "attempt", name="uq_groups_attempt"),
        Index("ix_groups_state", "state"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    experiment_id: Mapped[str] = mapped_column(String(36))
    cell: Mapped[int]
    repeat: Mapped[int]
    attempt: Mapped[int] = mapped_column(default=1)
    state: Mapped[GroupState] = mapped_column(_GROUP_STATE)
    size: Mapped[int]
    together: Mapped[bool]
    sharing: Mapped[dict[str, Any] | None] = mapped_column(Json)
    shares: Mapped[int]
    settled_at: Mapped[datetime | None]


class ScheduleRow(Base):
    """A benchmark or an experiment that is submitted again and again, and how far its firings have been seen to."""

    __tablename__ = "schedules"
    __table_args__ = (Index("ix_schedules_next_fires_at", "next_fires_at"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    document: Mapped[dict[str, Any]]
    """The whole schedules.Schedule but for ``paused``, defaults written out, those of the benchmark as well."""
    paused: Mapped[bool]
    since: Mapped[datetime]
    """Firings whose time is not after this are settled: they have their row, or are none of this schedule."""
    next_fires_at: Mapped[datetime | None]
    """When the first firing after ``since`` happens; None when there is none."""


class FiringRow(Base):
    """One firing of a schedule, and what became of it. It outlives what it submitted.

    That there is one row for a schedule and a time is what keeps two schedulers from firing twice.
    """

    __tablename__ = "firings"
    __table_args__ = (
        CheckConstraint(f"outcome IN ({_OUTCOMES})", name="outcome"),
        UniqueConstraint("schedule_id", "due_at", name="uq_firings_due"),
        Index("ix_firings_unheard", "id", sqlite_where=_UNHEARD, postgresql_where=_UNHEARD),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[BigId]
    schedule_id: Mapped[str] = mapped_column(ForeignKey("schedules.id", ondelete="CASCADE"))
    due_at: Mapped[datetime]
    """When the cron expression fell, jitter left out; or when somebody asked for it."""
    fired_at: Mapped[datetime]
    """When it was seen to."""
    by_hand: Mapped[bool]
    outcome: Mapped[FiringOutcome] = mapped_column(_OUTCOME)
    reason: Mapped[str | None] = mapped_column(Text)
    """Why it submitted nothing; None where it did."""
    went_by: Mapped[int]
    """How many firings before this one nobody saw to."""
    heard_at: Mapped[datetime | None]
    """When it was seen what came of it; None before."""
    measured: Mapped[int | None]
    """How many points of histories came of it; None while that is not known, or where it was left out on purpose."""
    silence: Mapped[str | None] = mapped_column(Text)
    """Why it measured nothing; None where it did, or that is not known."""
    run_id: Mapped[str | None] = mapped_column(ForeignKey("runs.id", ondelete="SET NULL"), index=True)
    experiment_id: Mapped[str | None] = mapped_column(ForeignKey("experiments.id", ondelete="SET NULL"), index=True)


class Label(Base):
    """A name and a value that the user gave to a run."""

    __tablename__ = "run_labels"
    __table_args__ = (Index("ix_run_labels_key_value_run_id", "key", "value", "run_id"),)

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(String(255))


class RunTransition(Base):
    """The legal transitions, as data for the trigger that enforces them."""

    __tablename__ = "run_transitions"

    from_state: Mapped[str] = mapped_column(String(16), primary_key=True)
    to_state: Mapped[str] = mapped_column(String(16), primary_key=True)


class Lease(Base):
    """A partition or a whole GPU held by a run, or the layout of a GPU held by a change of it.

    The id is the fencing token: it only ever grows. An exclusive lease is alone on its device, but for those of its own
    gang, and while a change of layout holds a GPU nothing new is put on it; a trigger refuses what would break that.
    """

    __tablename__ = "leases"
    __table_args__ = (
        Index("uq_leases_active_partition", "partition", unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
        Index("uq_leases_active_run", "run_id", unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
        Index("uq_leases_active_change", "change_id", unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
        Index("ix_leases_active_gpu", "gpu", sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
        Index("ix_leases_active_device", "device", sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
        CheckConstraint("(run_id IS NULL) <> (change_id IS NULL)", name="one_holder"),
        CheckConstraint("partition IS NOT NULL OR gpu IS NOT NULL", name="something_held"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[BigId]
    run_id: Mapped[str | None] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    change_id: Mapped[str | None] = mapped_column(ForeignKey("layout_changes.id", ondelete="CASCADE"), index=True)
    partition: Mapped[str | None] = mapped_column(ForeignKey("partitions.uuid"), index=True)
    """None until the layout that a run wants has been applied, and for a change of layout."""
    gpu: Mapped[str | None] = mapped_column(ForeignKey("gpus.uuid"))
    """The GPU that the partition is part of."""
    device: Mapped[str | None] = mapped_column(String(128))
    """What is held physically: the GPU, or the CPU that the partition is or is a share of."""
    exclusive: Mapped[bool] = mapped_column(default=False)
    """Whether it holds the whole device."""
    gang: Mapped[str | None] = mapped_column(String(36))
    """The same for the leases of a group that were granted in one step: they hold their device together."""
    node: Mapped[str] = mapped_column(String(63), index=True)
    attempt: Mapped[int]
    granted_at: Mapped[datetime]
    deadline: Mapped[datetime]
    woken_at: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
    incarnation: Mapped[str | None] = mapped_column(String(36))
    give_back_requested_at: Mapped[datetime | None]
    """Since when somebody entitled wants the partition: its run goes back into the queue."""
    released_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(32))


class RunEvent(Base):
    """Something that happened to a run, for its timeline and for watchers."""

    __tablename__ = "run_events"
    __table_args__ = (Index("ix_run_events_run_id_id", "run_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[BigId]
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    attempt: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(32))
    detail: Mapped[str | None] = mapped_column(Text)


class ResultRow(Base):
    """One figure of a run's result."""

    __tablename__ = "results"
    __table_args__ = (
        CheckConstraint("(value IS NULL) <> (absent IS NULL)", name="value_or_reason"),
        Index("ix_results_name", "name"),
    )

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    position: Mapped[int]
    """Order of presentation."""
    unit: Mapped[str] = mapped_column(String(32))
    scope: Mapped[str] = mapped_column(String(16))
    value: Mapped[float | None]
    interval_low: Mapped[float | None]
    interval_high: Mapped[float | None]
    interval_level: Mapped[float | None]
    interval_method: Mapped[str | None] = mapped_column(String(64))
    samples: Mapped[int | None]
    absent: Mapped[str | None] = mapped_column(Text)
    method: Mapped[str | None] = mapped_column(Text)
    update_period_ms: Mapped[float | None]


class SeriesRow(Base):
    """One metric of one run over time; its samples are in chunks, the times without samples in gaps."""

    __tablename__ = "series"
    __table_args__ = (UniqueConstraint("run_id", "name"),)

    id: Mapped[BigId]
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(64))
    unit: Mapped[str] = mapped_column(String(32))
    scope: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    period_ms: Mapped[float | None]
    lookback_ms: Mapped[float] = mapped_column(default=0.0)
    absent_state: Mapped[str | None] = mapped_column(String(16))
    """Of the gap that is open: why there is no value any more, or why there never was one."""
    absent: Mapped[str | None] = mapped_column(Text)
    settled: Mapped[int] = mapped_column(default=0)
    """The sequence of the first chunk that is still to be merged with what follows."""
    thinned_from: Mapped[BigInt | None]
    """How many samples there were before it was thinned."""
    thinned_at: Mapped[datetime | None]


class SeriesGap(Base):
    """A time without samples and the reason; ns since the run's ``clock_zero_ns``, ``end_ns`` None while it lasts."""

    __tablename__ = "series_gaps"

    series_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("series.id", ondelete="CASCADE"), primary_key=True)
    start_ns: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    end_ns: Mapped[BigInt | None]
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text)


class SeriesSummaryRow(Base):
    """What a series comes to within the measured window: the fields of metrics.summary.SeriesSummary."""

    __tablename__ = "series_summaries"

    series_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("series.id", ondelete="CASCADE"), primary_key=True)
    samples: Mapped[BigInt]
    covered: Mapped[float | None]
    mean: Mapped[float | None]
    minimum: Mapped[float | None]
    maximum: Mapped[float | None]
    p50: Mapped[float | None]
    p90: Mapped[float | None]
    p95: Mapped[float | None]
    p99: Mapped[float | None]
    total: Mapped[float | None]
    total_unit: Mapped[str | None] = mapped_column(String(32))
    share: Mapped[float | None]
    events: Mapped[BigInt | None]
    absent: Mapped[str | None] = mapped_column(Text)


class SeriesChunk(Base):
    """Consecutive samples of a series, compressed. Times are ns since the run's ``clock_zero_ns``."""

    __tablename__ = "series_chunks"
    __table_args__ = (
        # Covers what a look at all series of a run needs, so that the samples themselves stay unread.
        Index("ix_series_chunks_series_id_last_ns_count", "series_id", "last_ns", "count"),
    )

    series_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("series.id", ondelete="CASCADE"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    count: Mapped[int]
    first_ns: Mapped[BigInt]
    last_ns: Mapped[BigInt]
    minimum: Mapped[float]
    maximum: Mapped[float]
    mean: Mapped[float]
    codec: Mapped[str] = mapped_column(String(32))
    outline: Mapped[bytes | None]
    """The lowest and highest samples of its parts, in the same codec. Before ``data``: SQLite reads a row from its
    beginning."""
    data: Mapped[bytes]


class RunLog(Base):
    """What a child wrote to its output: the beginning and the end, compressed."""

    __tablename__ = "run_logs"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    total_bytes: Mapped[BigInt]
    data: Mapped[bytes]


class Artifact(Base):
    """A document that a run left behind: a table of its payload, later a trace."""

    __tablename__ = "artifacts"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    media_type: Mapped[str] = mapped_column(String(64))
    data: Mapped[bytes]


class IdempotencyKey(Base):
    """A key under which a run was submitted, with what was submitted, so that a retry finds the same run."""

    __tablename__ = "idempotency_keys"

    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    request_sha256: Mapped[str] = mapped_column(String(64))
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]


class ChannelRow(Base):
    """A channel that alerts go to."""

    __tablename__ = "channels"
    __table_args__ = (UniqueConstraint("name"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    document: Mapped[dict[str, Any]]
    """The whole alerts.Channel, with its secrets."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class AlertRow(Base):
    """An alert: the fields of alerts.Alert. There is one of a kind about a subject."""

    __tablename__ = "alerts"
    __table_args__ = (UniqueConstraint("kind", "subject"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(255))
    title: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    facts: Mapped[list[Any]] = mapped_column(Json)
    """Pairs of name and value: PostgreSQL's objects do not keep an order."""
    link: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime]

    deliveries: Mapped[list["DeliveryRow"]] = relationship(
        back_populates="alert", order_by="DeliveryRow.channel_id", lazy="selectin"
    )


class DeliveryRow(Base):
    """An alert on its way to a channel: the outbox."""

    __tablename__ = "alert_deliveries"
    __table_args__ = (
        CheckConstraint(f"state IN ({_DELIVERY_STATES})", name="state"),
        Index("ix_alert_deliveries_due", "next_at", sqlite_where=_PENDING, postgresql_where=_PENDING),
    )

    alert_id: Mapped[str] = mapped_column(ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True)
    channel_id: Mapped[str] = mapped_column(ForeignKey("channels.id", ondelete="CASCADE"), primary_key=True, index=True)
    message_id: Mapped[str | None] = mapped_column(String(36), index=True)
    """The message that it is sent in, alone or with others; None while a digest is being gathered."""
    state: Mapped[DeliveryState] = mapped_column(_DELIVERY_STATE)
    attempts: Mapped[int] = mapped_column(default=0)
    """Tries that were begun. It grows with each claim, so it is the claim's token, too."""
    next_at: Mapped[datetime]
    """When it is to be tried; while somebody tries, when that claim is over."""
    last_error: Mapped[str | None] = mapped_column(Text)
    settled_at: Mapped[datetime | None]
    """When it was delivered or given up."""

    alert: Mapped[AlertRow] = relationship(back_populates="deliveries")
    channel: Mapped[ChannelRow] = relationship(lazy="joined")


class ApiKeyRow(Base):
    """An API key: who may do what. Of its secret there is the SHA-256 alone."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    """The middle part of the key, which is no secret."""
    name: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[Any]] = mapped_column(Json)
    """As they were asked for: what they contain is not written out."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    """Up to a minute old: it is not written at every request."""
    revoked_at: Mapped[datetime | None]


class SessionRow(Base):
    """Somebody who has signed in to the pages with a key."""

    __tablename__ = "sessions"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of the id that is in the browser's cookie."""
    key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)

    key: Mapped[ApiKeyRow] = relationship(lazy="joined")
