"""What ``migperf run --json`` printed, or ``--out`` wrote: a point as if the service had measured it."""

from collections.abc import Mapping

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue, ValidationError

from migperf.gpus.partition import Partition
from migperf.histories.environment import facts_of
from migperf.histories.hardware import HardwareClass
from migperf.histories.importing.errors import ImportingError
from migperf.histories.importing.imported import ImportedHistory, ImportedPoint, point_key, time_in_utc
from migperf.histories.importing.json_text import require_finite
from migperf.histories.points import figures_of
from migperf.measure.benchmark import Benchmark
from migperf.measure.figures import ResultFigure
from migperf.measure.hygiene.facts import Taint
from migperf.measure.outcome import Ending

TOOL = "migperf run"


class _Run(BaseModel):
    """What of such a document matters here."""

    model_config = ConfigDict(frozen=True)

    state: Ending
    reason: str | None = None
    fingerprint: str
    benchmark: Benchmark
    partition: Partition
    simulated: bool
    started_at: AwareDatetime
    taints: tuple[Taint, ...] | None = None
    environment: dict[str, JsonValue]
    figures: tuple[ResultFigure, ...]


def read(document: Mapping[str, JsonValue]) -> tuple[ImportedHistory, ...]:
    """Return the one history that a run is a point of. Raises ImportingError, also for a run that can be no point."""
    require_finite({name: value for name, value in document.items() if name != "series"})
    try:
        run = _Run.model_validate(document)
    except ValidationError as error:
        raise ImportingError.of(error) from error
    return (_history(_checked(run)),)


def _checked(run: _Run) -> _Run:
    if run.state is not Ending.SUCCEEDED:
        raise ImportingError([("state", f"the run ended as {run.state}; only one that succeeded has figures")])
    if run.simulated or run.partition.simulated:
        raise ImportingError([("simulated", "what a simulated GPU did is no measurement of one, and in no history")])
    if run.fingerprint != run.benchmark.fingerprint():
        told = "it is not that of `benchmark`: the file was changed, or comes from another version of migperf"
        raise ImportingError([("fingerprint", told)])
    if not figures_of(run.figures):
        raise ImportingError([("figures", "none of them has a positive value")])
    return run


def _history(run: _Run) -> ImportedHistory:
    at, hardware = time_in_utc(run.started_at, "started_at"), HardwareClass.of(run.partition)
    workload, scenario = run.benchmark.workload, run.benchmark.scenario
    point = ImportedPoint(
        at=at,
        key=point_key(at, run.partition.uuid),
        figures=figures_of(run.figures),
        environment=_facts(run),
        taints=tuple(sorted({taint.rule for taint in run.taints or ()})),
    )
    return ImportedHistory(
        tool=TOOL,
        name=workload,
        fingerprint=run.fingerprint,
        hardware=hardware.model_dump(mode="json"),
        hardware_key=hardware.key(),
        title=hardware.title_with(workload, scenario),
        workload=workload,
        scenario=scenario,
        benchmark=run.benchmark.model_dump(mode="json"),
        points=(point,),
    )


def _facts(run: _Run) -> dict[str, JsonValue]:
    """Return what a worker's run would be compared by; a worker is named after its host unless told otherwise."""
    host = run.environment.get("host")
    facts = facts_of(run.environment, run.partition, str(host), {})
    return {name: value for name, value in facts.items() if name != "node" or host is not None}
