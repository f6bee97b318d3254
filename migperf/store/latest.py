"""Finding the latest run that measured one thing on one partition."""

from collections.abc import Mapping

from pydantic import JsonValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from migperf.store import runs
from migperf.store.models import Run
from migperf.store.states import RunState

_AT_ONCE = 100


def latest_succeeded(
    session: Session, partition: str, workload: str, scenario: str, parameters: Mapping[str, JsonValue]
) -> Run | None:
    """Return the run of a workload that succeeded last on a partition, or None.

    Its parameters must have these values; parameters that are not named do not matter. Deleted runs are gone.
    """
    query = (
        select(Run.id, Run.benchmark)
        .where(
            Run.partition == partition,
            Run.workload == workload,
            Run.scenario == scenario,
            Run.state == RunState.SUCCEEDED,
        )
        .order_by(Run.finished_at.desc(), Run.id.desc())
        .execution_options(yield_per=_AT_ONCE)
    )
    with session.execute(query) as rows:
        found = next((row.id for row in rows if _agrees(row.benchmark["parameters"], parameters)), None)
    return None if found is None else runs.get(session, found)


def _agrees(given: Mapping[str, JsonValue], wanted: Mapping[str, JsonValue]) -> bool:
    return all(name in given and given[name] == value for name, value in wanted.items())
