"""The tables of histories and of what came of judging them. Queries live beside this module."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Enum, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from migperf.histories.regression import ConfirmationState, RegressionState, Resolution
from migperf.statistics.detection.verdict import HistoryVerdict
from migperf.store.models import Base, BigId, BigInt
from migperf.store.types import Json

_VERDICT, _STATE, _RESOLUTION, _CONFIRMATION = (
    Enum(names, native_enum=False, length=24, values_callable=lambda members: [str(m) for m in members])
    for names in (HistoryVerdict, RegressionState, Resolution, ConfirmationState)
)
_VERDICTS, _STATES, _RESOLUTIONS, _CONFIRMATIONS = (
    ", ".join(f"'{name}'" for name in names)
    for names in (HistoryVerdict, RegressionState, Resolution, ConfirmationState)
)
_IS_PENDING = text("pending")
_IS_RUNNING = text("state = 'running'")


class HistoryRow(Base):
    """The results of one benchmark on one class of hardware, and what is said of them as of the newest point."""

    __tablename__ = "histories"
    __table_args__ = (
        CheckConstraint(f"verdict IN ({_VERDICTS})", name="verdict"),
        UniqueConstraint("fingerprint", "hardware_key", name="uq_histories_of"),
        Index("ix_histories_pending", "id", sqlite_where=_IS_PENDING, postgresql_where=_IS_PENDING),
        Index("ix_histories_workload", "workload"),
        Index("ix_histories_latest_at_id", "latest_at", "id"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    created_at: Mapped[datetime]
    fingerprint: Mapped[str] = mapped_column(String(64))
    """Of the benchmark; of what was imported, a digest of its name and parameters."""
    hardware_key: Mapped[str] = mapped_column(String(64))
    hardware: Mapped[dict[str, Any]]
    """The whole histories.HardwareClass; of what was imported, whatever the file says of it."""
    title: Mapped[str] = mapped_column(String(255))
    workload: Mapped[str] = mapped_column(String(128))
    scenario: Mapped[str | None] = mapped_column(String(32))
    """None where other tools made it."""
    benchmark: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """The benchmark of its newest run; None where it has none, so that nothing can be run again."""
    imported_metrics: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """Unit and direction of its metrics (histories.ImportedMetric by name); None where they are migperf's own."""
    watch: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """The whole histories.Watch; None where nobody watches: it is judged, and nobody is told."""
    watched_by: Mapped[str | None] = mapped_column(String(36))
    """The schedule whose watch it is; None where it was set by hand, or is not watched."""
    pending: Mapped[bool]
    """Whether there is something to judge."""
    anew: Mapped[bool]
    """Whether all points are to be judged anew: one came in between, was left out, or other metrics are watched."""
    edition: Mapped[int]
    """Grows with all that is to be judged: who has judged an earlier one has judged something else."""
    points: Mapped[int]
    """How many points were judged."""
    latest_at: Mapped[datetime]
    """Time of its newest point, judged or not."""
    verdict: Mapped[HistoryVerdict] = mapped_column(_VERDICT)
    why: Mapped[str] = mapped_column(Text)
    judged: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """The whole histories.Judged; None before it was judged."""
    judged_at: Mapped[datetime | None]


class PointRow(Base):
    """A point of a history. What it says is kept here, so that it outlives its run."""

    __tablename__ = "history_points"
    __table_args__ = (
        UniqueConstraint("history_id", "origin", "key", name="uq_history_points_key"),
        Index("ix_history_points_at", "history_id", "at", "id"),
        Index("ix_history_points_number", "history_id", "number"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[BigId]
    history_id: Mapped[str] = mapped_column(ForeignKey("histories.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    """When it was measured."""
    origin: Mapped[str] = mapped_column(String(64))
    """``run``, or the tool and file that it was imported from."""
    key: Mapped[str] = mapped_column(String(128))
    """What tells it from others of its origin: the run's id, or an imported name."""
    run_id: Mapped[str | None] = mapped_column(ForeignKey("runs.id", ondelete="SET NULL"), index=True)
    """The run, or the last of the repeats that it stands for; None where it was imported, or the run is deleted."""
    repeats: Mapped[int]
    figures: Mapped[dict[str, Any]]
    """histories.PointFigure by name."""
    environment: Mapped[dict[str, Any]]
    changed: Mapped[list[Any]] = mapped_column(Json)
    """histories.EnvironmentChange against the point that was judged before it."""
    taints: Mapped[list[Any]] = mapped_column(Json)
    """The rules of hygiene that its runs broke."""
    left_out: Mapped[str | None] = mapped_column(Text)
    """Why somebody had it left out; None where nobody did. Whether taints leave it out, the watch says."""
    number: Mapped[int | None]
    """Its place among the points that were judged, from 0; None where it was not, or not yet."""


class HistoryEventRow(Base):
    """What a point did to the changes of a metric: a change was added, moved or withdrawn."""

    __tablename__ = "history_events"
    __table_args__ = (Index("ix_history_events_history_id_id", "history_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[BigId]
    history_id: Mapped[str] = mapped_column(ForeignKey("histories.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    metric: Mapped[str] = mapped_column(String(64))
    revision: Mapped[str] = mapped_column(String(16))
    point_id: Mapped[BigInt]
    """The point that came, and because of which it was said; like the others a point of the same history."""
    first_id: Mapped[BigInt | None]
    """The first point at the new level; None for a change that was withdrawn."""
    was_id: Mapped[BigInt | None]
    """What it was before; None for a change that was added."""


class RegressionRow(Base):
    """A change for the worse in a history that is watched, and what people made of it."""

    __tablename__ = "regressions"
    __table_args__ = (
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        CheckConstraint(f"resolution IN ({_RESOLUTIONS})", name="resolution"),
        CheckConstraint("(state = 'resolved') = (resolution IS NOT NULL)", name="resolved"),
        Index("ix_regressions_state_id", "state", "id"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    history_id: Mapped[str] = mapped_column(ForeignKey("histories.id", ondelete="CASCADE"), index=True)
    state: Mapped[RegressionState] = mapped_column(_STATE)
    resolution: Mapped[Resolution | None] = mapped_column(_RESOLUTION)
    opened_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    first_bad_id: Mapped[BigInt] = mapped_column(ForeignKey("history_points.id", ondelete="CASCADE"))
    last_good_id: Mapped[BigInt] = mapped_column(ForeignKey("history_points.id", ondelete="CASCADE"))
    over_id: Mapped[BigInt | None] = mapped_column(ForeignKey("history_points.id", ondelete="CASCADE"))
    """The first point at which it was over; None while it is not."""
    earliest_id: Mapped[BigInt] = mapped_column(ForeignKey("history_points.id", ondelete="CASCADE"))
    latest_id: Mapped[BigInt] = mapped_column(ForeignKey("history_points.id", ondelete="CASCADE"))
    """The first bad point is one of those from the earliest to the latest."""
    metrics: Mapped[list[Any]] = mapped_column(Json)
    """Pairs of name and histories.Shifted, the surest first."""
    environment: Mapped[list[Any]] = mapped_column(Json)
    """histories.EnvironmentChange between the last good point and the first bad one."""
    alerted_at: Mapped[datetime | None]

    history: Mapped[HistoryRow] = relationship(lazy="joined")
    first_bad: Mapped[PointRow] = relationship(foreign_keys=[first_bad_id], lazy="joined")
    last_good: Mapped[PointRow] = relationship(foreign_keys=[last_good_id], lazy="joined")
    over: Mapped[PointRow | None] = relationship(foreign_keys=[over_id], lazy="joined")
    entries: Mapped[list["RegressionEntryRow"]] = relationship(order_by="RegressionEntryRow.id", lazy="raise")
    confirmations: Mapped[list["ConfirmationRow"]] = relationship(order_by="ConfirmationRow.id", lazy="selectin")


class RegressionEntryRow(Base):
    """An entry in the record of a regression: what happened to it, or what somebody wrote."""

    __tablename__ = "regression_entries"
    __table_args__ = (Index("ix_regression_entries_of", "regression_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[BigId]
    regression_id: Mapped[str] = mapped_column(ForeignKey("regressions.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(16))
    """A histories.regression.Entry."""
    author: Mapped[str | None] = mapped_column(String(64))
    """Who did it; None for the service."""
    text: Mapped[str] = mapped_column(Text)


class ConfirmationRow(Base):
    """A benchmark that is run again since it seems to be worse; by turns with its last good version if possible."""

    __tablename__ = "confirmations"
    __table_args__ = (
        CheckConstraint(f"state IN ({_CONFIRMATIONS})", name="state"),
        Index("ix_confirmations_running", "id", sqlite_where=_IS_RUNNING, postgresql_where=_IS_RUNNING),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    history_id: Mapped[str] = mapped_column(ForeignKey("histories.id", ondelete="CASCADE"), index=True)
    regression_id: Mapped[str | None] = mapped_column(ForeignKey("regressions.id", ondelete="CASCADE"), index=True)
    """None while the change is suspected only."""
    first_bad_id: Mapped[BigInt] = mapped_column(ForeignKey("history_points.id", ondelete="CASCADE"))
    as_of_id: Mapped[BigInt] = mapped_column(ForeignKey("history_points.id", ondelete="CASCADE"))
    """The newest point when it was begun."""
    metrics: Mapped[list[Any]] = mapped_column(Json)
    """Pairs of the name of a metric that seems to be worse, and the ratio of its levels."""
    state: Mapped[ConfirmationState] = mapped_column(_CONFIRMATION)
    why: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    baseline: Mapped[str | None] = mapped_column(String(64))
    """The software environment that has the last good version; None where it is not at hand."""
    runs: Mapped[list[Any]] = mapped_column(Json)
    """histories.ConfirmingRun, in the order in which they are made."""
    findings: Mapped[list[Any]] = mapped_column(Json)
    """Pairs of name and histories.Finding."""
