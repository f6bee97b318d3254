"""The last step of a run: its outcome is examined for what makes it void, and for what spoils its figures."""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import JsonValue

from migperf.measure.hygiene.facts import Facts, Hygiene
from migperf.measure.hygiene.gathering import NOT_LISTED, gather
from migperf.measure.hygiene.isolation import PROCESSES, Isolation, Report
from migperf.measure.hygiene.rules import judge
from migperf.measure.job import Job
from migperf.measure.outcome import Ending, Outcome
from migperf.metrics.series import Series

_CONCLUSIVE = (Ending.SUCCEEDED, Ending.DOES_NOT_FIT, Ending.DOES_NOT_COMPILE, Ending.FAILED)
"""Endings that say something of the benchmark, and so must be the run's own doing."""


def examine(outcome: Outcome, job: Job, isolation: Isolation, companions: Sequence[Series] = ()) -> Outcome:
    """Look at the partition again, now that the run has ended, and return what the outcome is worth.

    ``companions`` are the ``cpu`` series of the other runs of its group, to tell what they used from others' work.
    Void: a partition that was not the run's own says nothing, so nothing of the outcome is kept but its series.
    """
    if outcome.ending not in _CONCLUSIVE:
        return outcome
    report = isolation.after()
    if report.void is not None:
        return voided(outcome, report)
    if outcome.ending is not Ending.SUCCEEDED or outcome.finished is None:
        return replace(outcome, environment=outcome.environment | _stored(None, _unknown_isolation(report)))
    facts = gather(job, outcome.finished, outcome, report, companions)
    verdict = judge(facts)
    not_checked = _unknown_isolation(report, facts) | verdict.not_checked
    return replace(outcome, taints=verdict.taints, environment=outcome.environment | _stored(facts, not_checked))


def voided(outcome: Outcome, report: Report) -> Outcome:
    """Return what is left of an outcome that says nothing of the benchmark."""
    told = f"; the run itself ended with: {outcome.reason}" if outcome.reason else ""
    return replace(
        outcome,
        ending=Ending.FAILED,
        void=True,
        reason=f"void: {report.void}{told}",
        figures=(),
        finished=None,
        documents=(),
        summaries=(),
        environment=outcome.environment | _stored(None, _unknown_isolation(report)),
    )


def _unknown_isolation(report: Report, facts: Facts | None = None) -> dict[str, str]:
    """Say in one entry what of the isolation nobody could check; an entry less where all of it was."""
    unknown = dict(report.not_checked)
    if facts is not None and facts.absent.get("device_processes") == NOT_LISTED:
        unknown.setdefault(PROCESSES, NOT_LISTED)
    if not unknown:
        return {}
    reasons = "; ".join(f"{what}: {reason}" for what, reason in unknown.items())
    return {"isolation": f"isolation not checked: {reasons}"}


def _stored(facts: Facts | None, not_checked: dict[str, str]) -> dict[str, JsonValue]:
    if facts is None and not not_checked:
        return {}
    hygiene = Hygiene(facts=facts, not_checked=not_checked)
    return {"hygiene": hygiene.model_dump(mode="json", exclude_none=True)}
