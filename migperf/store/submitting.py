"""Submitting the file of an experiment: worked out for a device that a living node has, and stored."""

from datetime import datetime

from sqlalchemy.orm import Session

from migperf.experiments.document import Experiment
from migperf.experiments.plan import Plan, make_plan
from migperf.store import experiments, targets
from migperf.store.experiments import NewCell, NewExperiment
from migperf.store.models import ExperimentRow


def plan_for(session: Session, experiment: Experiment, now: datetime, stale_s: float) -> Plan:
    """Return the plan on the device that would be chosen now. Raises NoSuchDeviceError and ExperimentError."""
    target = targets.target_for(session, experiment.where, now, stale_s)
    return make_plan(experiment, target, targets.durations(session))


def submit_experiment(session: Session, experiment: Experiment, now: datetime, stale_s: float) -> ExperimentRow:
    """Store the experiment with its queued runs. Raises NoSuchDeviceError and ExperimentError."""
    plan = plan_for(session, experiment, now, stale_s)
    new = NewExperiment(
        name=experiment.name,
        document=experiment.model_dump(mode="json"),
        plan=plan.as_data(),
        cells=tuple(NewCell(coordinates=c.cell.coordinates, spec=c.spec, skipped=c.skipped) for c in plan.cells),
        order=plan.order,
        retry_failed=experiment.retry_failed,
        priority=experiment.priority,
        timeout_s=experiment.timeout_s,
        labels=experiment.labels,
    )
    return experiments.submit(session, new, now)
