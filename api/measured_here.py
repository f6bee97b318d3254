"""What was measured of a workload here: the newest point of its histories, by class of hardware."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from migperf.histories.hardware import HardwareClass
from migperf.histories.points import PointFigure
from migperf.histories.watched_metrics import usual
from migperf.store import histories
from workloads.base import Card

MOST_OF_A_CLASS = 4
"""So many benchmarks are shown of each class of hardware, those measured last."""
_MOST_FIGURES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredHere:
    """One result: on what, of which benchmark, when, and what came of it."""

    hardware: str
    scenario: str
    settings: str
    """What differs from the workload's defaults, in a few words."""
    at: datetime
    run_id: str
    repeats: int
    tainted: bool
    figures: dict[str, PointFigure]


def measured_here(session: Session, card: Card) -> list[MeasuredHere]:
    """Return the newest results of a workload that are points of histories, by hardware, at most a few of each."""
    found = sorted(_read(session, card), key=lambda one: one.at, reverse=True)
    by_hardware: dict[str, list[MeasuredHere]] = {}
    for one in found:
        by_hardware.setdefault(one.hardware, []).append(one)
    return [one for of_class in by_hardware.values() for one in of_class[:MOST_OF_A_CLASS]]


def _read(session: Session, card: Card) -> Iterator[MeasuredHere]:
    for history, point in histories.newest_results(session, card.name):
        figures = {name: PointFigure.model_validate(figure) for name, figure in point.figures.items()}
        yield MeasuredHere(
            hardware=HardwareClass.model_validate(history.hardware).title,
            scenario=history.scenario or "",
            settings=_settings(card, history.benchmark or {}),
            at=point.at,
            run_id=point.run_id or "",
            repeats=point.repeats,
            tainted=bool(point.taints),
            figures={name: figures[name] for name in (usual(figures) or tuple(figures))[:_MOST_FIGURES]},
        )


def _settings(card: Card, benchmark: dict[str, object]) -> str:
    """Return the parameters that are not at their defaults, with the engine where it is not the reference."""
    parameters, engine = benchmark.get("parameters"), benchmark.get("engine")
    fields = card.parameters.model_fields
    given = parameters if isinstance(parameters, dict) else {}
    changed = [f"{name} {value}" for name, value in given.items() if name in fields and value != fields[name].default]
    asked = engine if isinstance(engine, dict) else {}
    other = [
        str(value) for name, value in asked.items() if value not in ("eager", "fp32", False) and name != "channels_last"
    ]
    if asked.get("channels_last"):
        other.append("channels last")
    return ", ".join([*changed, *other]) or "defaults"
